import t from 'tap'
import { Said, stripQuotes } from '../../../worker/mime/quotes.ts'

const said = (...texts: string[]) => {
  const earlier = new Said()
  for (const text of texts) earlier.add(text)
  return earlier
}

t.test('within a conversation only what was said in it is left out', (t) => {
  const earlier = said('Shall we meet on Friday at the harbour?\nBring the papers, please.')
  const strip = (text: string) => stripQuotes(text, { earlier, isForward: false }).text
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

t.test('what is all quote stays, and costs no more than its length', (t) => {
  t.same(stripQuotes('> all', { isForward: false }), { text: '> all', leftOut: 0 })
  const own = 'On Monday I wrote:\nnothing else'
  t.equal(stripQuotes(own, { isForward: false }).text, own)
  const long = 'On a b c 1 2:\n'.repeat(20_000)
  t.type(stripQuotes(long, { isForward: false, earlier: said(long) }).text, 'string')
  t.end()
})
