import t from 'tap'
import { QuoteMatcher } from '../../../worker/mime/quote-matcher.ts'
import { quotesOf, quotingText } from '../../../worker/mime/quote-ranges.ts'
import { withoutIntroduced, withoutSaid } from '../../../worker/mime/strip-quotes.ts'
import { wordsOfText } from '../../../worker/mime/text-words.ts'

/** What is new in `text`, after `before` was said. */
function strip(text: string, ...before: readonly string[]) {
  const quoting = quotingText(text)
  const quotes = quotesOf(quoting, wordsOfText(text))
  const said = new QuoteMatcher(quotes)
  for (const each of before) said.add(wordsOfText(each))
  const matches = quotes.map((quote) => said.find(quote, 0, before.length))
  return { ...withoutSaid(quoting, matches), isCut: said.isCut }
}

const HEAD = 'On Mon, 16 Nov 2026 at 10:00, Ann <a@x.test> wrote:'
const OUTLOOK = 'From: Ann <a@x.test>\nSent: Monday\nTo: Bo\nSubject: Plan'

t.test('within a conversation only what was said in it is left out', (t) => {
  const before = 'Shall we meet on Friday at the harbour?\nBring the papers, please.'
  const own = (text: string) => strip(text, before).text
  t.equal(
    own(
      `Yes.\n\n${HEAD}\n> Shall we meet on Friday at\n> the harbour?\n> Bring the papers, please.`
    ),
    'Yes.',
    'wrapped anew'
  )
  const elsewhere = `See this.\n\n${HEAD}\n> The new code for the door is 4711.`
  t.equal(own(elsewhere), elsewhere, 'a quote from somewhere else stays')
  t.equal(
    own(
      `Answers below.\n\n${OUTLOOK}\n\nShall we meet on Friday at the harbour?\nYes\nBring the papers, please.`
    ),
    'Answers below.\n\nYes',
    'answers between lines without marks stay'
  )
  t.equal(own('Fine\n\n> Shall we meet on Friday at the harbour?'), 'Fine', 'marks alone')
  const mark = 'Shell:\n\n> npm install --save-exact'
  t.equal(own(mark), mark)
  t.equal(
    own(
      'FYI\n\n---------- Forwarded message ---------\nFrom: Ann\nSubject: Plan\nTo: Bo\n\nShall we meet on Friday at the harbour?'
    ),
    'FYI',
    'what is sent on and was said'
  )
  const nothing = `See you.\n\n${HEAD}`
  t.equal(own(nothing), nothing, 'words that introduce nothing')
  t.end()
})

t.test('a quote is a stretch of one text, in order', (t) => {
  const before =
    'The ferry leaves at nine in the morning.\nYes\nWe pay the ferry in cash, as always, at nine.\nAnn'
  const below = (...lines: string[]) =>
    strip(`New.\n\n${OUTLOOK}\n\n${lines.join('\n')}`, before).text
  const whole = before.split('\n')
  t.equal(below(...whole), 'New.')
  t.equal(
    below(...whole, 'We pay at nine in the morning, as always.'),
    'New.\n\nWe pay at nine in the morning, as always.',
    'words that stand here and there'
  )
  t.equal(below(...whole, 'Yes'), 'New.\n\nYes', 'said again')
  t.equal(below(whole[0] ?? '', 'Yes', 'Yes', ...whole.slice(2)), 'New.\n\nYes')
  t.equal(
    below(...whole, 'the ferry in cash, as always'),
    'New.\n\nthe ferry in cash, as always',
    'a part of a line'
  )
  t.equal(
    below(...whole.slice(0, 3), 'We pay the ferry in cash, as always, at ten.', 'Ann'),
    'New.\n\nWe pay the ferry in cash, as always, at ten.',
    'one word is another one'
  )
  t.equal(below(...whole, '\u{1f44d}'), 'New.\n\n\u{1f44d}', 'a picture is an answer')
  t.equal(below(...whole, '???'), 'New.\n\n???')
  const marked = (...lines: string[]) => lines.map((line) => `> ${line}`).join('\n')
  t.equal(
    strip(`Ok.\n\n${marked('We pay the ferry in', 'cash, as always,', 'at nine.')}`, before).text,
    'Ok.',
    'from the middle, wrapped anew'
  )
  t.equal(strip(`Ok.\n\n${marked('Yes')}`, before).text, 'Ok.', 'a whole line')
  const parts = ['The first message says this.', 'The second one says that.']
  t.equal(
    strip(`${marked(...parts)}\n\nBoth?`, ...parts).text,
    '> The second one says that.\n\nBoth?',
    'of one text'
  )
  t.end()
})

t.test('addresses behind words, and other scripts', (t) => {
  t.equal(
    strip(
      `Ok.\n\n> See the plan <https://x.test/a?b=c> and\n> the rest [image: Logo] of it`,
      'See the plan [https://safe.test/?u=x.test] and the rest of it'
    ).text,
    'Ok.'
  )
  const link = `Ok.\n\n${OUTLOOK}\n\nHere is the plan that we made\n<https://x.test/new>`
  t.equal(
    strip(link, 'Here is the plan that we made\n<https://x.test/old>').text,
    'Ok.\n\n<https://x.test/new>',
    'a link alone says what it says'
  )
  t.equal(
    strip(
      'Ja.\n\n> wir sehen uns am Freitag in K\u00f6ln',
      'Wir sehen uns am Freitag in K\u00d6LN.'
    ).text,
    'Ja.'
  )
  t.equal(
    strip(
      '\u597d\n\n> \u6211\u4eec\u5468\u4e94\u89c1\u9762',
      '\u6211\u4eec\u5468\u4e94\u89c1\u9762\u3002'
    ).text,
    '\u597d'
  )
  t.end()
})

t.test('what introduces a quote ends where it ends, and begins where it begins', (t) => {
  const before = 'Shall we meet on Friday at the harbour?'
  const own = (text: string) => strip(text, before).text
  for (const above of ['Thanks!', 'Thanks', 'Gladly, on the 12th at 10:30', 'Best\nBo'])
    t.equal(own(`${above}\n${HEAD}\n> ${before}`), above)
  for (const head of [
    'On Mon, Nov 16,\n2026 at 10:00 AM Ann <a@x.test> wrote:',
    'On Mon, 16 Nov 2026 at 10:00, Ann\n<a@x.test> wrote:',
    'Am 16.11.2026 um 10:00 schrieb Ann\n<a@x.test>:',
    'Ann <a@x.test> schrieb am Mo., 16. Nov. 2026, 10:00:',
    'El lun, 16 nov 2026 a las 10:00, Ann (<a@x.test>)\nescribi\u00f3:',
    'pon., 16 lis 2026 o 10:00 Ann <a@x.test> napisa\u0142(a):',
    '2026\u5e7411\u670816\u65e5(\u6708) 10:00 Ann <a@x.test>:',
    '------- Original Message -------\nOn Monday, November 16th, 2026 at 10:00, Ann <a@x.test> wrote:'
  ])
    t.equal(own(`Thanks!\n${head}\n> ${before}`), 'Thanks!', head)
  for (const block of [
    OUTLOOK,
    'From: Ann\nSubject: Plan\nDate: 16 November 2026\nTo: Bo',
    `From: Ann\nSent: Monday\nTo: Bo <b@x.test>;\nCy <c@x.test>\nCc: Di\nSubject: Plan\nImportance: High`,
    'From: Ann\n\nSent: Monday\n\nTo: Bo\n\nSubject: Plan'
  ]) {
    t.equal(own(`New.\n\n${block}\n${before}`), 'New.', `no empty line below ${block}`)
    t.equal(
      own(`New.\n\n${block}\nAnswer in the first line.\n${before}`),
      'New.\n\nAnswer in the first line.'
    )
    t.equal(own(`New.\n\n${block}\n\nTo: do at once\n${before}`), 'New.\n\nTo: do at once')
  }
  t.end()
})

/** Numbers that follow from a seed alone (a linear congruential generator, as in Numerical Recipes). */
function picker(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return <T>(list: readonly [T, ...T[]]): T => list[Math.floor(next() * list.length)] ?? list[0]
}

t.test('no line of the writer is ever left out, whatever stands around it', (t) => {
  const before = [
    'Shall we meet on Friday at the harbour?',
    'Bring the papers of the boat, please.',
    'Yes',
    'It costs 300 EUR in all.',
    'Ann'
  ] as const
  const said = before.join('\n')
  const program = [
    HEAD,
    `> ${HEAD}`,
    'On Mon, Nov 16,\n2026 at 10:00 AM Ann <a@x.test> wrote:',
    'Am 16.11.2026 um 10:00 schrieb Ann\n<a@x.test>:',
    OUTLOOK,
    '-----Original Message-----',
    '________________________________',
    'Ann wrote:'
  ] as const
  const forms = [
    (own: string) => `This is ${own} of mine.`,
    (own: string) => `${own}`,
    (own: string) => `On 12/05 at 10 ${own} we meet, as`,
    (own: string) => `On 12 May 2026 at 10:00 ${own} we meet, and`,
    (own: string) => `We can come on 12/05/2026 at 10:00, ${own}, to the harbour, she said`,
    (own: string) => `These are ${own}:`,
    (own: string) => `From: ${own}`,
    (own: string) => `To: ${own} do`,
    (own: string) => `> ${own} with a mark`,
    (own: string) => `Bring the papers of the boat, ${own}, please.`
  ] as const
  let leftOut = 0
  for (let seed = 1; seed <= 3000; seed += 1) {
    const pick = picker(seed * 7919)
    const own: string[] = []
    const lines = Array.from({ length: 4 + pick([0, 2, 4, 8]) }, () =>
      pick<() => string>([
        () => {
          own.push(`own${own.length}`)
          return pick(forms)(own.at(-1) ?? '')
        },
        () => pick(program),
        () => pick(before),
        () => `> ${pick(before)}`,
        () => said,
        () => said.replace(/^/gm, '> '),
        () => ''
      ])()
    )
    const text = lines.join('\n')
    const told = strip(text, said)
    leftOut += told.leftOut
    const lost = own.filter((each) => !new RegExp(`\\b${each}\\b`).test(told.text))
    if (lost.length > 0) t.fail(`seed ${seed}: ${lost.join()} of ${JSON.stringify(text)}`)
  }
  t.ok(leftOut > 100_000, `${leftOut} characters of quotes were left out`)
  t.end()
})

t.test('there are limits to what is compared, and it is told when they are met', (t) => {
  const much = Array.from({ length: 70_000 }, (_, at) => `> w${at} x y z\n`).join('')
  t.equal(strip(much, much).isCut, true)
  t.equal(strip('New.\n\n> w1 w2 w3 w4', 'w1 w2 w3 w4').isCut, false)
  const late = `${'Some other words, line for line.\n'.repeat(4000)}The last line of it all.`
  t.match(strip('New.\n\n> The last line of it all.', late), { isCut: true, leftOut: 0 })
  const same = 'a a a a a a a a\n'.repeat(5000)
  t.match(strip(`${HEAD}\n> ${same.replaceAll('\n', '\n> ')}`, same, same), { isCut: true })
  const heads = 'On a b c 1 2:\n'.repeat(20_000)
  t.type(strip(heads, heads).text, 'string')
  t.end()
})

t.test('of a message that is alone what is introduced as a quote goes', (t) => {
  const own = (text: string, isForward = false) =>
    withoutIntroduced(quotingText(text), { isForward, isAnswer: !isForward })
  t.same(own('> all'), { text: '> all', leftOut: 0 })
  t.equal(own('On Monday I wrote:\nnothing else').leftOut, 0)
  t.equal(own(`Thanks!\n${HEAD}\n> old`).text, 'Thanks!')
  t.equal(own(`Thanks!\n\n> ${HEAD}\n> \n> old`).text, 'Thanks!', 'as Apple writes it')
  t.equal(own(`Thanks!\n\n${OUTLOOK}\nold`).text, 'Thanks!')
  t.equal(own(`FYI\n\n${OUTLOOK}\nold`, true).leftOut, 0)
  t.end()
})
