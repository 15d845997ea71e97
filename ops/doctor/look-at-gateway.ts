import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as z from 'zod'
import { moduleFile } from '#shared/module-file.ts'
import type { Config } from '../../gateway/config/config.ts'
import { assertPortFree } from '../../gateway/server/assert-port-free.ts'
import { openConnection } from '../admin/connection.ts'
import { type Finding, fail, ok, sentenceOf, skip, warn } from './finding.ts'
import { knock } from './knock.ts'

type Environment = Readonly<Record<string, string | undefined>>

const Isolation = z.looseObject({ mode: z.string(), missing: z.array(z.string()) })
const Report = z.looseObject({
  ready: z.boolean(),
  checks: z.record(z.string(), z.string()),
  warnings: z.array(z.string()).optional(),
  isolation: Isolation.optional()
})
const Tried = z.looseObject({ isolation: Isolation, worker: z.string() })

const MAIN = moduleFile('../../gateway/main', import.meta.url)
const TRY_MS = 120_000

/** Whether a gateway runs here already. */
export async function isRunning(config: Config): Promise<boolean> {
  try {
    const { body } = await knock(`${opsAddress(config)}/health`)
    return z.looseObject({ status: z.literal('ok') }).safeParse(body).success
  } catch {
    return false
  }
}

/** What the running gateway says of itself; its walls among that. */
export async function lookAtRunning(config: Config, environment: Environment): Promise<Finding[]> {
  try {
    const connection = openConnection({
      ...environment,
      ADMIN_TOKEN: config.ADMIN_TOKEN,
      ADMIN_URL: opsAddress(config)
    })
    const response = await connection.ask('GET', '/ready')
    const report = Report.parse(await response.json())
    const failing = Object.entries(report.checks).filter(([, said]) => said !== 'ok')
    return [
      ...(report.ready
        ? [ok('gateway', 'A gateway runs here and is ready.')]
        : failing.map(([name, said]) => fail('gateway', `Not ready, ${name}: ${said}`))),
      ...(report.warnings ?? []).map((said) => warn('gateway', said)),
      ...(report.isolation
        ? lookAtWalls(report.isolation)
        : [
            skip(
              'walls',
              'The running gateway tells of its walls with a token only: set OPERATOR_TOKEN_FILE or ADMIN_TOKEN_FILE to a right one.'
            )
          ])
    ]
  } catch (error) {
    return [
      fail('gateway', `The gateway that runs here does not say how it is (${sentenceOf(error)}).`)
    ]
  }
}

/** Whether a gateway could have its ports. */
export async function lookAtPorts(config: Config): Promise<Finding[]> {
  const ports = [
    await lookAtPort('PORT', config.HOST, config.PORT),
    await lookAtPort('OPS_PORT', config.OPS_HOST, config.OPS_PORT)
  ].flat()
  return ports.length > 0 ? ports : [skip('gateway', 'No gateway runs here; its ports are free.')]
}

async function lookAtPort(name: string, host: string, port: number): Promise<Finding[]> {
  try {
    await assertPortFree(host, port, 0)
    return []
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE')
      return [
        fail(
          'gateway',
          `${name} ${port} is in use by another program; choose another one or stop that program.`
        )
      ]
    if (code === 'EADDRNOTAVAIL')
      return [
        fail('gateway', `${name} ${port} cannot be opened: ${host} is no address of this machine.`)
      ]
    return [fail('gateway', `${name} ${port} cannot be opened (${sentenceOf(error)}).`)]
  }
}

/** As a start does it: the gateway's own program opens its launcher, tries the walls, and ends. */
export async function tryWalls(environment: Environment): Promise<Finding[]> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, '--try-walls'], {
      env: { ...environment, LOG_LEVEL: 'silent', LOG_LEVEL_FILE: '' },
      timeout: TRY_MS
    })
    const { isolation, worker } = Tried.parse(JSON.parse(stdout))
    return [
      ...lookAtWalls(isolation),
      worker === 'ok'
        ? ok('worker', 'A worker starts.')
        : fail('worker', `A worker does not start: ${worker} Has npm run build been run?`)
    ]
  } catch (error) {
    const said = z.looseObject({ stderr: z.string() }).safeParse(error).data?.stderr.trim()
    return [fail('walls', said || `The walls could not be tried (${sentenceOf(error)}).`)]
  }
}

function lookAtWalls({ mode, missing }: z.infer<typeof Isolation>): Finding[] {
  if (mode === 'none')
    return [
      warn(
        'walls',
        'NOTHING KEEPS WORKERS APART: one that has fallen reaches everybody’s mail. Install bubblewrap, or set WORKER_UIDS; see docs/walls.md.'
      )
    ]
  if (missing.length === 0) return [ok('walls', `Workers are kept apart by ${mode}.`)]
  return missing.map((said) => warn('walls', `${said} (${mode}; see docs/walls.md)`))
}

const opsAddress = ({ OPS_HOST, OPS_PORT }: Config): string => {
  const host = new Map([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]']
  ]).get(OPS_HOST)
  return `http://${host ?? (OPS_HOST.includes(':') ? `[${OPS_HOST}]` : OPS_HOST)}:${OPS_PORT}`
}
