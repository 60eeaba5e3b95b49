// A test that misses something on this machine is skipped and says so; where MUST_RUN is set it fails.
import { existsSync } from 'node:fs'
import { hasChromium } from './browser.mjs'
import { program } from './installation.mjs'

const missing = [
  hasChromium ? '' : 'Chromium (Debian: chromium fonts-noto-cjk)',
  existsSync(program) ? '' : `${program} (make build)`,
].filter(Boolean)

if (missing.length && process.env.MUST_RUN) throw new Error(`missing: ${missing.join(', ')}`)

/** Why tests in the browser are skipped, or nothing. */
export const skip = missing.length ? `missing: ${missing.join(', ')}` : false
