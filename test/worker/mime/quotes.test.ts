import t from 'tap'
import { wordsOfLines } from '../../../worker/mime/line-words.ts'
import { stripQuotes } from '../../../worker/mime/quotes.ts'
import { Said } from '../../../worker/mime/said.ts'

/** What was said before, as far as `text` may quote it. */
const said = (before: string, text: string) => {
  const earlier = new Said(wordsOfLines(text))
  earlier.add(wordsOfLines(before))
  return earlier
}

t.test('within a conversation only what was said in it is left out', (t) => {
  const before = 'Shall we meet on Friday at the harbour?\nBring the papers, please.'
  const strip = (text: string) =>
    stripQuotes(text, { earlier: said(before, text), isForward: false }).text
  const head = 'On Mon, 16 Nov 2026 at 10:00, Ann <a@x.test> wrote:'
  t.equal(
    strip(
      `Yes.\n\n${head}\n> Shall we meet on Friday at\n> the harbour?\n> Bring the papers, please.`
    ),
    'Yes.',
    'wrapped anew'
  )
  const elsewhere = `See this.\n\n${head}\n> The new code for the door is 4711.`
  t.equal(strip(elsewhere), elsewhere, 'a quote from somewhere else stays')
  t.equal(
    strip(
      'Answers below.\n\nFrom: Ann <a@x.test>\nSent: Monday\nTo: Bo\nSubject: Plan\n\nShall we meet on Friday at the harbour?\nYes\nBring the papers, please.'
    ),
    'Answers below.\n\nYes',
    'answers between lines without marks stay'
  )
  t.equal(strip('Fine\n\n> Shall we meet on Friday at the harbour?'), 'Fine', 'marks alone')
  const mark = 'Shell:\n\n> npm install --save-exact'
  t.equal(strip(mark), mark)
  t.equal(
    strip(
      'FYI\n\n---------- Forwarded message ---------\nFrom: Ann\nSubject: Plan\nTo: Bo\n\nShall we meet on Friday at the harbour?'
    ),
    'FYI',
    'what is sent on and was said'
  )
  t.end()
})

t.test('a short line is an answer unless it was a line of its own, in any script', (t) => {
  const asked = (line: string, before: string) => {
    const [words] = wordsOfLines(line)
    return words ? said(before, line).has(words, false) : undefined
  }
  t.equal(asked('Yes', 'Yes, gladly, and bring a friend'), false)
  t.equal(asked('yes!', 'Hello\nYES\n'), true)
  t.equal(asked('', ''), true)
  t.equal(
    asked('wir sehen uns am Freitag in K\u00f6ln', 'Wir sehen uns am Freitag in K\u00d6LN.'),
    true
  )
  t.equal(
    asked(
      '\u6211\u4eec\u5468\u4e94\u89c1\u9762',
      '\u597d\u7684\uff0c\u6211\u4eec\u5468\u4e94\u89c1\u9762\u3002'
    ),
    true
  )
  t.equal(asked('wir sehen uns am Montag', 'Das Wetter ist heute gut'), false)
  t.end()
})

t.test('more words than are kept count as new', (t) => {
  const much = Array.from({ length: 400_000 }, (_, at) => `w${at}`).join(' ')
  const has = (line: string) => wordsOfLines(line).every((words) => earlier.has(words, false))
  const earlier = said(much, much)
  t.equal(has('w1 w2 w3 w4 w5 w6'), true)
  t.equal(has('w399991 w399992 w399993 w399994 w399995'), false)
  t.end()
})

t.test('what is all quote stays, and costs no more than its length', (t) => {
  t.same(stripQuotes('> all', { isForward: false }), { text: '> all', leftOut: 0 })
  const own = 'On Monday I wrote:\nnothing else'
  t.equal(stripQuotes(own, { isForward: false }).text, own)
  const long = 'On a b c 1 2:\n'.repeat(20_000)
  t.type(stripQuotes(long, { isForward: false, earlier: said(long, long) }).text, 'string')
  t.end()
})
