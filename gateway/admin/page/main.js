import { Api, Refusal } from './api.js'
import { Desk } from './desk.js'
import { clear } from './dialogs.js'
import { byId, el, setText } from './dom.js'
import * as verbs from './verbs.js'
import { VIEWS } from './views.js'

/** @typedef {import('./views.js').ViewKind} ViewKind */

const TICK_MS = 1000
/** Things happen in crowds: one look afterwards is enough. */
const SETTLE_MS = 400
const RECONNECT_MS = 3000
const SAID_MS = 20_000

const TITLE = document.title
const door = byId('door', HTMLElement)
const desk = byId('desk', HTMLElement)
const refused = byId('refused', HTMLElement)
const token = byId('token', HTMLInputElement)

door.hidden = false
token.focus()

byId('sign-in', HTMLFormElement).addEventListener('submit', async (event) => {
  event.preventDefault()
  refused.textContent = ''
  const leaving = new AbortController()
  const leave = (/** @type {string} */ why) => {
    leaving.abort()
    desk.hidden = true
    empty()
    door.hidden = false
    refused.textContent = why
    token.focus()
  }
  const api = new Api(token.value.trim(), leaving.signal, () =>
    leave('The gateway does not take this token.')
  )
  try {
    const operator = await api.ask(verbs.whoAmI())
    token.value = ''
    run(api, operator, leaving.signal)
    byId('leave', HTMLButtonElement).onclick = () => leave('')
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.status === 403)
      refused.textContent = `${error.message} This page shows nothing without it.`
    else if (error.status !== 401) refused.textContent = error.message
  }
})

/** Nothing that was seen stays behind for whoever sits here next. */
function empty() {
  clear()
  byId('leave', HTMLButtonElement).onclick = null
  for (const id of ['view', 'views', 'who', 'state', 'said', 'fresh'])
    byId(id, HTMLElement).replaceChildren()
  document.title = TITLE
}

/**
 * Shows the gateway until `signal` aborts.
 * @param {Api} api @param {import('./answers.ts').Me} operator @param {AbortSignal} signal
 */
function run(api, operator, signal) {
  door.hidden = true
  desk.hidden = false
  setText(
    byId('who', HTMLElement),
    operator.role === 'admin' ? operator.name : `${operator.name}, may only look`
  )
  const said = byId('said', HTMLElement)
  let saidAt = 0
  let freshAt = performance.now()
  /** @type {{ kind: ViewKind, view: import('./views.js').View, at: number } | undefined} */
  let open
  const state = new Desk(api, operator, {
    changed: () => {
      if (state.trouble === '') freshAt = performance.now()
      draw()
    },
    say: (text) => {
      if (signal.aborted) return
      saidAt = performance.now()
      setText(said, text)
    }
  })
  const nav = navigation(state)

  const draw = () => {
    if (signal.aborted) return
    open?.view.update()
    nav.update(open?.kind.name ?? '')
    showState(state)
    if (performance.now() - saidAt > SAID_MS) setText(said, '')
    const seconds = Math.round((performance.now() - freshAt) / 1000)
    const isFresh = seconds < 3 && state.trouble === ''
    setText(byId('fresh', HTMLElement), isFresh ? 'up to date' : `seen ${seconds} s ago`)
  }
  const look = () => {
    if (!open || signal.aborted) return
    open.at = performance.now()
    void state.refresh(open.kind.needs) // never rejects
  }
  const go = () => {
    const kind = VIEWS.find(({ name }) => `#${name}` === location.hash) ?? VIEWS[0]
    if (!kind || open?.kind === kind) return
    open = { kind, view: kind.open(state), at: 0 }
    byId('view', HTMLElement).replaceChildren(open.view.element)
    document.title = `${kind.title} – Gmail MCP gateway`
    draw()
    look()
    if (kind.once) void state.refresh(kind.once) // never rejects
  }
  addEventListener('hashchange', go, { signal })
  const timer = setInterval(() => {
    if (document.hidden) return
    if (open && performance.now() - open.at >= open.kind.everyMs) look()
    draw()
  }, TICK_MS)
  signal.addEventListener('abort', () => clearInterval(timer))

  let soon = 0
  void follow(api, signal, (event) => {
    state.heard(event)
    clearTimeout(soon)
    soon = setTimeout(look, SETTLE_MS)
  }) // never rejects
  void state.refresh(['report', 'calls', 'workers']) // never rejects
  go()
}

/**
 * Hears events, and comes back when the stream ends. Never rejects.
 * @param {Api} api @param {AbortSignal} signal @param {(event: import('./answers.ts').LiveEvent) => void} hear
 */
async function follow(api, signal, hear) {
  const live = byId('live', HTMLElement)
  /** @param {boolean} isLive */
  const show = (isLive) => {
    live.className = isLive ? 'dot on' : 'dot off'
    live.title = isLive ? 'Live events come in' : 'No live events: trying again'
  }
  while (!signal.aborted) {
    try {
      await api.events(() => show(true), hear)
    } catch {
      // told by the dot, and by what is asked beside it
    }
    if (signal.aborted) return
    show(false)
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
  }
}

/** @param {Desk} state */
function navigation(state) {
  const links = VIEWS.map(({ name, title, badge }) => {
    const number = badge ? el('b') : null
    return { name, badge, number, link: el('a', { href: `./#${name}` }, title, number) }
  })
  byId('views', HTMLElement).replaceChildren(...links.map(({ link }) => link))
  return {
    /** @param {string} current */
    update(current) {
      for (const { name, badge, number, link } of links) {
        if (name === current && !link.hasAttribute('aria-current')) {
          link.setAttribute('aria-current', 'page')
          link.scrollIntoView({ block: 'nearest', inline: 'nearest' })
        }
        if (name !== current) link.removeAttribute('aria-current')
        if (number && badge) setText(number, String(badge(state)))
      }
    }
  }
}

/** @param {Desk} state */
function showState({ report, trouble }) {
  const place = byId('state', HTMLElement)
  const [look, text] = trouble
    ? ['bad', 'no answer']
    : report === null
      ? ['', '…']
      : report.ready
        ? report.warnings?.length
          ? ['warn', 'ready, with warnings']
          : ['good', 'ready']
        : report.checks.accepting === 'ok'
          ? ['bad', 'not ready']
          : ['warn', 'drained']
  setText(place, text ?? '')
  place.className = `badge ${look}`
}
