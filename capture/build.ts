/**
 * Build every entry by itself, so that no page needs a shared chunk whose name could change.
 * Names are stable; the server's manifest puts the hashes in.
 */
import { copyFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = fileURLToPath(new URL('.', import.meta.url))
const out = fileURLToPath(new URL('../src/safelight/web/static/built/', import.meta.url))

await rm(out, { recursive: true, force: true })
for (const entry of ['site', 'capture', 'editor', 'share']) {
  await build({
    configFile: false,
    root: here,
    base: './',
    logLevel: 'warn',
    publicDir: false,
    resolve: { alias: { crypto: `${here}src/sealing/webcrypto.ts` } },
    build: {
      outDir: out,
      emptyOutDir: false,
      assetsInlineLimit: 0,
      modulePreload: false,
      target: ['chrome123', 'firefox120', 'safari17.5'],
      reportCompressedSize: false,
      rolldownOptions: {
        input: { [entry]: `src/${entry}.ts` },
        output: {
          entryFileNames: '[name].js',
          assetFileNames: '[name][extname]',
          codeSplitting: false,
        },
      },
    },
  })
}

// What others wrote travels with its licence.
const licences = {
  'public-sans': '@fontsource-variable/public-sans',
  'hpke-core': '@hpke/core',
  'hpke-common': '@hpke/common',
}
for (const [name, from] of Object.entries(licences))
  await copyFile(`${here}node_modules/${from}/LICENSE`, `${out}${name}-LICENSE.txt`)
