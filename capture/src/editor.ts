import { SafelightEditor } from './editor/element'

customElements.define('safelight-editor', SafelightEditor)
