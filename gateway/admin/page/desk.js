import { Refusal } from './api.js'
import { confirm } from './dialogs.js'
import { time } from './format.js'
import * as verbs from './verbs.js'

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./answers.ts').Call} Call */
/** What was heard, numbered in the order of hearing. @typedef {import('./answers.ts').LiveEvent & { n: number }} Heard */

/** What is known of the gateway now, and what is done to it. Whoever shows it hears of each change. */
export class Desk {
  /** @type {Call[]} */
  calls = []
  /** @type {import('./answers.ts').Worker[]} */
  workers = []
  /** @type {import('./answers.ts').Session[]} */
  sessions = []
  /** @type {import('./answers.ts').PersonLine[]} */
  users = []
  /** @type {import('./answers.ts').Consumer[]} */
  top = []
  /** @type {import('./answers.ts').AuditEntry[]} */
  audit = []
  /** The latest first. @type {Heard[]} */
  events = []
  /** @type {import('./answers.ts').Report | null} */
  report = null
  /** All gateways over the database. @type {import('./answers.ts').GatewayNode[]} */
  nodes = []
  /** When `calls` were true, by `performance.now()`. */
  callsAt = 0
  /** Lists of which the gateway has more than is shown here. @type {Set<Part>} */
  cut = new Set()
  /** What went wrong at the last try, for people. */
  trouble = ''
  #changed
  #say
  /** What is being asked for. @type {Map<Part, Promise<void>>} */
  #loading = new Map()

  /**
   * @param {Api} api
   * @param {import('./answers.ts').Me} operator
   * @param {{ changed: () => void, say: (text: string) => void }} hear
   */
  constructor(api, operator, { changed, say }) {
    this.api = api
    this.operator = operator
    this.#changed = changed
    this.#say = say
  }

  /** Whether this operator may change anything; the gateway decides all the same. */
  get mayChange() {
    return this.operator.role === 'admin'
  }

  /** How long a call has been in flight by now. @param {Call} call @returns {number} */
  ageOf(call) {
    return call.seconds + (performance.now() - this.callsAt) / 1000
  }

  /** What went wrong, or what is missing, for people. */
  get warning() {
    const { unreached } = this.api
    if (this.trouble !== '' || unreached.length === 0) return this.trouble
    return `What ${unreached.join(', ')} ${unreached.length === 1 ? 'has' : 'have'} is not shown: no answer from there.`
  }

  /** The address of a person, where it is known. @param {string | null} userId @returns {string} */
  nameOf(userId) {
    if (userId === null) return '–'
    const places = [...this.workers, ...this.calls, ...this.sessions]
    return (
      this.users.find(({ id }) => id === userId)?.email ??
      places.find((one) => one.userId === userId)?.email ??
      userId
    )
  }

  /**
   * Brings these up to date: as of a question that is under way already, unless they must be as of now. Never rejects.
   * @param {readonly Part[]} parts @param {{ ofNow?: boolean }} [how]
   */
  async refresh(parts, { ofNow = false } = {}) {
    try {
      await Promise.all(parts.map((part) => this.#once(part, ofNow)))
      this.trouble = ''
    } catch (error) {
      this.trouble = error instanceof Refusal ? error.message : String(error)
    }
    this.#changed()
  }

  /** @typedef {'calls' | 'workers' | 'sessions' | 'users' | 'top' | 'audit' | 'report' | 'nodes'} Part */
  /** A gateway that is slow is not asked again before it has answered. @param {Part} part @param {boolean} ofNow */
  #once(part, ofNow) {
    const under = this.#loading.get(part)
    if (under && !ofNow) return under
    const loading = (async () => {
      await under?.catch(() => {}) // whoever asked hears of it
      await this.#load(part)
    })().finally(() => {
      if (this.#loading.get(part) === loading) this.#loading.delete(part)
    })
    this.#loading.set(part, loading)
    return loading
  }

  /** Notes whether a list has more than was asked for. @template Row @param {Part} part @param {{ rows: Row[], isCut: boolean }} list */
  #whole(part, { rows, isCut }) {
    if (isCut) this.cut.add(part)
    else this.cut.delete(part)
    return rows
  }

  /** @param {Part} part */
  async #load(part) {
    const { api } = this
    if (part === 'report') this.report = await api.ready()
    else if (part === 'nodes') this.nodes = (await api.ask(verbs.listNodes())).nodes
    else if (part === 'sessions')
      this.sessions = this.#whole(part, await api.all(verbs.listSessions, (page) => page.sessions))
    else if (part === 'users')
      this.users = this.#whole(part, await api.all(verbs.listUsers, (page) => page.users))
    else if (part === 'top') this.top = (await api.ask(verbs.topUsers())).users
    else if (part === 'audit') this.audit = (await api.ask(verbs.listAudit())).entries
    else if (part === 'workers') this.workers = (await api.ask(verbs.listWorkers())).workers
    else {
      this.calls = (await api.ask(verbs.listCalls())).calls
      this.callsAt = performance.now()
    }
  }

  /** @param {import('./answers.ts').LiveEvent} event */
  heard(event) {
    this.events = [{ ...event, n: (this.events[0]?.n ?? 0) + 1 }, ...this.events].slice(0, 500)
    this.#changed()
  }

  /**
   * Does something when it is confirmed, tells what came of it, and looks again.
   * @template Answer
   * @param {Omit<import('./dialogs.js').Question, 'act'> & {
   *   asked: (choice: string) => import('./answers.ts').Asked<Answer>, done: (answer: Answer) => string,
   *   after: readonly Part[] }} deed
   */
  offer({ asked, done, after, ...question }) {
    confirm({
      ...question,
      act: async ({ reason, choice }) => {
        const answer = await this.api.ask(asked(choice), { reason })
        this.#say(done(answer))
        await this.refresh(after, { ofNow: true })
      }
    })
  }

  /** @param {Call} call */
  describeCall(call) {
    const what = call.tool ?? call.method ?? 'a call'
    return `${what} of ${call.email ?? call.userId}, ${time(this.ageOf(call))}`
  }
}
