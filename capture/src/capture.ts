import { SafelightCamera } from './camera/element'

customElements.define('safelight-camera', SafelightCamera)
