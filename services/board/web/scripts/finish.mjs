// The last step of a build: packs every file with Brotli beside it, for browsers that take it, and fails when all of the
// front end together is more than an office line should carry.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = new URL('../dist/app/', import.meta.url).pathname
const limit = 450_000

function files(dir) {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })
}

let total = 0
for (const path of files(dist)) {
  if (path.endsWith('.br')) continue
  const content = readFileSync(path)
  const size = gzipSync(content, { level: 9 }).length
  total += size
  if (size > 20_000) console.log(`${relative(dist, path).padEnd(44)} ${String(size).padStart(8)} bytes gzipped`)
  if (content.length > 1024 && /\.(js|css|html|svg|json)$/.test(path)) {
    writeFileSync(path + '.br', brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
  }
}
console.log(`${'all together'.padEnd(44)} ${String(total).padStart(8)} of ${limit} bytes gzipped`)
if (total > limit) {
  console.error('the front end is too large: find what grew with `npx vite build --mode production` and leave it out or load it later')
  process.exit(1)
}
