// An installation as people run it: the built program in a process of its own, over a directory of its own.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const root = fileURLToPath(new URL('../../../../', import.meta.url))
export const program = process.env.ZONEBENCH ?? join(root, 'bin/zonebench')

/** Tables of data/ in the order in which they can be loaded. */
const tables = ['reference_units', 'zones', 'relations', 'groups', 'sources', 'indicators', 'lists', 'statements', 'series', 'rounds', 'places']

export class Installation {
  #process
  #dir

  static async start() {
    const one = new Installation()
    one.#dir = await mkdtemp(join(tmpdir(), 'zonebench-board-'))
    await one.#serve('127.0.0.1:0', '127.0.0.1:0')
    return one
  }

  async #serve(listen, board) {
    const child = spawn(program, ['serve', '--json', '--data', this.#dir, '--listen', listen, '--board', board, '--log-level', 'warn'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = child
    const lines = createInterface({ input: child.stdout })
    const said = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`${program} serve ended with ${code} before it served`)))
      lines.on('line', (line) => line.startsWith('{') && resolve(JSON.parse(line)))
    })
    this.address = said.address
    this.url = said.board.startsWith('http') ? said.board.replace(/\/$/, '') : `http://${said.board}`
  }

  /** Ends the process and starts it again at the same addresses. */
  async restart() {
    await this.stop('SIGKILL')
    await this.#serve(this.address, this.url.replace('http://', ''))
  }

  /** Ends the process; the data stay. */
  async stop(signal = 'SIGTERM') {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async end() {
    await this.stop()
    await rm(this.#dir, { recursive: true, force: true })
  }

  async command(...args) {
    const { stdout } = await run(program, ['--address', this.address, ...args], { maxBuffer: 1 << 26, timeout: 180_000 })
    return stdout
  }

  /** The five published plans. */
  async importPlans() {
    for (const table of tables) await this.command('import', table, join(root, 'data', `${table}.csv`))
  }

  /** The invented province. */
  async simulate(...args) {
    await this.command('simulate', ...args)
  }

  /** Calls a method through the board's gateway, as any program may. */
  async call(method, request) {
    const response = await fetch(`${this.url}/zonebench.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${method}: ${JSON.stringify(answer)}`)
    return answer
  }
}
