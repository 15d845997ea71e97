/** @typedef {import('./desk.js').Desk} Desk */

/** Fields that say by themselves what they are, in the order of a sentence. */
const PLAIN = ['userId', 'actor', 'action', 'target', 'client', 'tool', 'session', 'worker']
/** Of use in the log only. */
const LEFT_OUT = ['type', 'at', 'n', 'requestId']

/** What happened, in a line. @param {Desk} desk @param {import('./answers.ts').LiveEvent} event @returns {string} */
export function eventText(desk, event) {
  const there = Object.keys(event).filter(
    (name) => !LEFT_OUT.includes(name) && event[name] !== null && event[name] !== undefined
  )
  const plain = PLAIN.filter((name) => there.includes(name))
  const others = there.filter((name) => !PLAIN.includes(name))
  return [
    ...plain.map((name) =>
      name === 'action'
        ? String(event[name]).replaceAll('_', ' ')
        : desk.nameOf(String(event[name]))
    ),
    ...others.map((name) => `${name} ${event[name]}`)
  ].join(', ')
}
