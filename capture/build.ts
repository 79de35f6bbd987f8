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

// The font's licence asks to travel with it.
const fontLicence = fileURLToPath(
  new URL('node_modules/@fontsource-variable/public-sans/LICENSE', import.meta.url),
)
await copyFile(fontLicence, `${out}public-sans-LICENSE.txt`)
