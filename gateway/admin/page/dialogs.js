import { byId, el } from './dom.js'

/** @typedef {[name: string, value: import('./dom.js').Child][]} Facts */

/**
 * A list of names and values; what has no value is left out.
 * @param {Facts} all
 */
export const facts = (all) =>
  el(
    'dl',
    { class: 'facts' },
    ...all
      .filter(([, value]) => value !== null && value !== undefined && value !== '')
      .flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])
  )

/** @param {string} label @param {() => void} act */
export const danger = (label, act) =>
  el('div', {}, el('button', { type: 'button', class: 'danger', onclick: act }, label))

const dialog = () => byId('dialog', HTMLDialogElement)

/** Shows more of one thing, until it is closed. @param {string} title @param {...import('./dom.js').Child} content */
export function show(title, ...content) {
  const close = el('button', { type: 'button', onclick: () => dialog().close() }, 'Close')
  open(
    el(
      'div',
      { class: 'body' },
      el('h2', { id: 'dialog-title' }, title),
      ...content,
      el('div', { class: 'buttons' }, close)
    )
  )
  close.focus()
}

/**
 * @typedef {object} Question
 * @property {string} title a question that names what is about to happen
 * @property {string} button the deed, in a word or two
 * @property {string} consequence what it means for people
 * @property {Facts} facts what it is done to
 * @property {{ name: string, options: [value: string, label: string][] }} [choice] the first is chosen
 * @property {string} [typed] has to be typed first, for what nothing brings back
 * @property {boolean} [isHarmless] it ends nothing
 * @property {(answer: { reason: string, choice: string }) => Promise<void>} act throws a Refusal, which is shown
 */

/** Asks before something is done, with a reason for the audit. @param {Question} question */
export function confirm(question) {
  const { title, button, consequence, choice, typed, isHarmless } = question
  const reason = el('input', { name: 'reason', maxlength: 300, autocomplete: 'off' })
  const word = el('input', { name: 'word', autocomplete: 'off', spellcheck: 'false' })
  const refused = el('p', { class: 'refused', role: 'alert' })
  const tone = isHarmless ? 'primary' : 'danger primary'
  const deed = el('button', { class: tone, disabled: typed !== undefined }, button)
  const cancel = el('button', { type: 'button', onclick: () => dialog().close() }, 'Cancel')
  word.addEventListener('input', () => {
    deed.disabled = word.value.trim() !== typed
  })
  const form = el(
    'form',
    {},
    el('h2', { id: 'dialog-title' }, title),
    facts(question.facts),
    el('p', {}, consequence),
    choice && choiceOf(choice),
    typed !== undefined && el('label', {}, `Type ${typed} to go on`, word),
    el('label', {}, 'Reason, for the audit', reason),
    refused,
    el('div', { class: 'buttons' }, cancel, deed)
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    deed.disabled = true
    refused.textContent = ''
    const chosen = form.querySelector('input[type=radio]:checked')
    try {
      await question.act({
        reason: reason.value,
        choice: chosen instanceof HTMLInputElement ? chosen.value : ''
      })
      if (form.isConnected) dialog().close()
    } catch (error) {
      refused.textContent = error instanceof Error ? error.message : 'It failed.'
      deed.disabled = false
    }
  })
  open(form)
  const first = typed === undefined ? reason : word
  first.focus()
}

/** @param {{ name: string, options: [string, string][] }} choice */
const choiceOf = ({ name, options }) =>
  el(
    'fieldset',
    {},
    el('legend', {}, name),
    ...options.map(([value, label], index) =>
      el('label', {}, el('input', { type: 'radio', name, value, checked: index === 0 }), label)
    )
  )

/** Whoever has left sees nothing of what was asked for before. */
export function clear() {
  dialog().close()
  dialog().replaceChildren()
}

/** The dialog gives the focus back to where it was. @param {Node} content */
function open(content) {
  const element = dialog()
  if (byId('desk', HTMLElement).hidden) return // an answer that came after its asker had left
  element.replaceChildren(content)
  if (!element.open) element.showModal()
  element.scrollTop = 0
}
