/** What operators see and do at all gateways over one store, whichever of them they ask. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import { GatewayError, isErrorCode } from '#shared/errors.ts'
import { type AdminAction, type ChangeParts, change, notFound } from './answers.ts'
import { type Asked, implement } from './implement.ts'
import type { Operator } from './operators.ts'
import { Failure, type Verb } from './verb.ts'
import { listNodes } from './verbs/gateway.ts'

/** Another gateway over the same store. */
export interface OtherNode {
  /** As operators know it. */
  readonly name: string
  readonly workers: number
  /** The most workers that it takes; 0 when it takes nobody new. */
  readonly limit: number
}

/** What an operator asks, as it is passed on. */
export interface PassedVerb {
  readonly method: Verb['method']
  /** Path and query. */
  readonly url: string
  readonly operator: Operator
  readonly requestId: string
  /** For so long it may take; no limit, if absent. */
  readonly ms?: number
}

export interface NodeAnswer {
  readonly status: number
  readonly body: unknown
}

export interface OtherNodes {
  /** The living ones, without this one. Rejects with ERR_STORE when they cannot be looked up. */
  list(): Promise<readonly OtherNode[]>
  /** Undefined when it is not reached, or does not answer in time. */
  ask(node: OtherNode, asked: PassedVerb): Promise<NodeAnswer | undefined>
}

export interface NodesParts {
  /** This gateway, as operators know it. */
  readonly nodeName: string
  /** Its workers, and the most of them; 0 when it takes nobody new. */
  readonly nodeLoad: () => { readonly workers: number; readonly workerLimit: number }
  /** Absent where this gateway is the only one, and where another one asks for what is here. */
  readonly otherNodes?: OtherNodes | undefined
}

/** A list is given without those that take longer, and says so. */
const LIST_MS = 3000

export interface WholeVerb<V extends Verb> {
  /** Joins what the gateways have answered; this one's is the first. */
  readonly merge: (
    answers: readonly z.output<V['answer']>[],
    query: z.output<V['query']>
  ) => z.input<V['answer']>
  /** As what it is written down when it is passed on to one gateway; absent where it changes nothing. */
  readonly action?: AdminAction
}

type Act<Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType> = (
  asked: Asked<z.output<Params>, z.output<Query>>
) => Promise<z.input<Answer>>

/**
 * Registers a verb that is about what each gateway has: asked here, it is asked everywhere, and the answers are joined. With
 * `node` it is for that gateway alone.
 */
export function implementWhole<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Answer extends z.ZodType<object>
>(
  app: FastifyInstance,
  verb: Verb<Params, Query, Answer>,
  parts: NodesParts & ChangeParts,
  act: Act<Params, Query, Answer>,
  { merge, action }: WholeVerb<Verb<Params, Query, Answer>>
): void {
  const actAtAll: typeof act = async (asked) => {
    const here = await act(asked)
    if (nodeIn(asked.query) !== undefined || !parts.otherNodes) return here
    const { answers, unreached } = await everywhere(parts, asked.request, verb)
    const all = merge([verb.answer.parse(here), ...answers], asked.query)
    return unreached.length > 0 ? { ...Object(all), unreached } : all
  }
  implementAtOne(app, verb, parts, actAtAll, action)
}

/** Registers a verb that `act` does here, unless `node` names another gateway; `action` as `WholeVerb` has it. */
export function implementAtOne<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Answer extends z.ZodType
>(
  app: FastifyInstance,
  verb: Verb<Params, Query, Answer>,
  parts: NodesParts & ChangeParts,
  act: Act<Params, Query, Answer>,
  action?: AdminAction
): void {
  implement(app, verb, async (asked) => {
    const { request } = asked
    const node = nodeIn(asked.query)
    if (node === undefined || node === parts.nodeName) return act(asked)
    // What another gateway has answered is what this one would have.
    const pass = () => onNode(parts, request, verb, node) as Promise<z.input<Answer>>
    return action === undefined
      ? pass()
      : change(parts, request, { action, target: `node=${node}` }, pass)
  })
}

/** Every gateway there is, and whether it answers. */
export async function viewNodes(
  parts: NodesParts,
  request: FastifyRequest
): Promise<z.input<typeof listNodes.answer>['nodes']> {
  const { answers } = await everywhere(parts, request, listNodes)
  const reached = new Set(answers.flatMap(({ nodes }) => nodes.map(({ node }) => node)))
  const others = ((await parts.otherNodes?.list()) ?? []).map(({ name, workers, limit }) => {
    return { node: name, isAsked: false, isReached: reached.has(name), workers, workerLimit: limit }
  })
  return [{ node: parts.nodeName, isAsked: true, isReached: true, ...parts.nodeLoad() }, ...others]
}

/** Asks all other gateways the same. What does not answer, or not as it should, is named. */
export async function everywhere<Answer extends z.ZodType>(
  parts: NodesParts,
  request: FastifyRequest,
  verb: Pick<Verb<z.ZodObject, z.ZodObject, Answer>, 'method' | 'answer'>,
  url = request.url
): Promise<{ answers: z.output<Answer>[]; nodes: string[]; unreached: string[] }> {
  const { otherNodes } = parts
  const all = (await otherNodes?.list()) ?? []
  const answers: z.output<Answer>[] = []
  const [nodes, unreached]: [string[], string[]] = [[], []]
  const asked = passed(request, verb.method, url)
  await Promise.all(
    all.map(async (node) => {
      const answer = await otherNodes?.ask(node, { ...asked, ms: LIST_MS })
      if (answer?.status === 404) return // it has nothing by this name
      const { data } = verb.answer.safeParse(answer?.body)
      if (data === undefined) return void unreached.push(node.name)
      nodes.push(node.name)
      answers.push(data)
    })
  )
  return { answers, nodes, unreached: unreached.toSorted() }
}

/** Asks one gateway the same, and gives its answer. Throws what it refuses with, ERR_NOT_FOUND, ERR_PEER_GONE. */
export async function onNode<Answer extends z.ZodType>(
  { otherNodes }: NodesParts,
  request: FastifyRequest,
  verb: Pick<Verb<z.ZodObject, z.ZodObject, Answer>, 'method' | 'answer'>,
  name: string
): Promise<z.output<Answer>> {
  const node = (await otherNodes?.list())?.find((one) => one.name === name)
  if (!otherNodes || !node) return notFound('node', name)
  const answer = await otherNodes.ask(node, passed(request, verb.method, request.url))
  if (!answer) throw notReached(name)
  const { data: refusal } = Failure.safeParse(answer.body)
  if (refusal && isErrorCode(refusal.error.code))
    throw new GatewayError(refusal.error.code, refusal.error.message)
  const { data } = verb.answer.safeParse(answer.body)
  if (data === undefined) throw notReached(name)
  return data
}

function passed(request: FastifyRequest, method: Verb['method'], url: string): PassedVerb {
  const { operator, id: requestId } = request
  if (!operator) throw new GatewayError('ERR_FORBIDDEN', 'Nobody said who they are.')
  return { method, url: withoutNode(url), operator, requestId }
}

/** Whoever gets it is the one that is meant. */
function withoutNode(url: string): string {
  const [path = '', query] = url.split('?')
  const params = new URLSearchParams(query)
  params.delete('node')
  return params.size > 0 ? `${path}?${params}` : path
}

function nodeIn(query: object): string | undefined {
  const { node } = query as { readonly node?: unknown }
  return typeof node === 'string' ? node : undefined
}

const notReached = (name: string): GatewayError =>
  new GatewayError('ERR_PEER_GONE', `Gateway ${name} does not answer; ask it on its own port.`)
