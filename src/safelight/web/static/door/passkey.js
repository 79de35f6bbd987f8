// Asks the browser for a passkey and puts its answer into the form. Without script, the password stays.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const text = (buffer) => {
  if (!buffer) return undefined
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('')
  return btoa(letters).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

const forBrowser = ({ publicKey }) => {
  const options = { ...publicKey, challenge: bytes(publicKey.challenge) }
  if (options.user) options.user = { ...options.user, id: bytes(options.user.id) }
  for (const list of ['allowCredentials', 'excludeCredentials']) {
    if (options[list]) options[list] = options[list].map((known) => ({ ...known, id: bytes(known.id) }))
  }
  return { publicKey: options }
}

const forServer = (credential) => {
  const { response } = credential
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: text(response.userHandle),
      transports: response.getTransports?.(),
    },
  }
}

const optionsFor = async (form) => {
  const { passkeyOptions, passkeyAsk } = form.dataset
  if (passkeyOptions) return JSON.parse(document.getElementById(passkeyOptions).textContent)
  const answer = await fetch(passkeyAsk, { headers: { Accept: 'application/json', 'X-Requested-With': 'XMLHttpRequest' } })
  return (await answer.json()).request_options
}

const prepare = (form) => {
  const button = form.querySelector('button')
  const says = form.querySelector('[data-passkey-says]')
  const say = (words) => { says.textContent = words }
  if (!window.PublicKeyCredential) return say('This browser knows no passkeys. Use your password.')
  button.disabled = false
  say('')
  form.addEventListener('submit', async (event) => {
    const field = form.elements.namedItem('credential')
    if (field.value) return
    event.preventDefault()
    button.setAttribute('aria-busy', 'true')
    try {
      const options = forBrowser(await optionsFor(form))
      const ask = form.dataset.passkey === 'create' ? 'create' : 'get'
      field.value = JSON.stringify(forServer(await navigator.credentials[ask](options)))
      form.requestSubmit()
    } catch (error) {
      field.value = ''
      button.removeAttribute('aria-busy')
      say(error.name === 'InvalidStateError'
        ? 'This device has a passkey for you already.'
        : 'No passkey was used. Try again, or use another way.')
    }
  })
}

for (const form of document.querySelectorAll('form[data-passkey]')) prepare(form)
