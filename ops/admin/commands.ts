import * as z from 'zod'
import { defineVerb, nothing, type Verb } from '../../gateway/admin/verb.ts'
import { VERBS } from '../../gateway/admin/verbs/all.ts'

const health = (command: string, path: string, summary: string, description: string): Verb =>
  defineVerb({
    ...{ id: command, command, tag: 'Gateway', method: 'GET', path, summary, description },
    ...{ params: nothing, query: nothing, answer: z.unknown() }
  })

/** What load balancers and Prometheus ask, which has no verb. */
const HEALTH: readonly Verb[] = [
  health(
    'ready',
    '/ready',
    'Whether this gateway can serve',
    'What is wrong, and what should be put right. Ends with 1 when it is not ready.'
  ),
  health('health', '/health', 'The process answers', 'Needs no token.'),
  health('metrics', '/metrics', 'Metrics, as Prometheus sees them', 'Takes the role metrics.')
]

/** Every command there is. */
export const COMMANDS: readonly Verb[] = [...VERBS, ...HEALTH]

/** `olderThan` as an option: `older-than`. */
export const optionOf = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
