import { share } from './site/share'

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-share]')) share(form)
