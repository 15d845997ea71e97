import t from 'tap'
import { readHtml } from '../../../worker/mime/read-html.ts'
import { simpleHtmlText } from '../../../worker/mime/simple-html-text.ts'

const GMAIL =
  '<div dir="ltr">Yes, <b>gladly</b>.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, 16 Nov 2026 at 10:00, Ann &lt;<a href="mailto:a@x.test">a@x.test</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"><div style="font-family:&quot;times new roman&quot;,serif;font-size:13px;color:rgb(34,34,34)">Shall we meet?</div></blockquote></div>'

t.test('plain answers pass without a tree, and read the same with one', (t) => {
  const bare = (text: string | undefined) => text?.replace(/[\s>*]+/g, '')
  for (const html of [
    GMAIL,
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body style="word-wrap: break-word;"><div><br></div>Hello</body></html>',
    '<!DOCTYPE html><p style="margin-top:0;color:#333">One</p><p><font color="#000000" face="Arial" size=2>Two</font></p>',
    '<table border="0" cellpadding="0"><tr><td width="20" style="background-color:#ffffff">A</td></tr></table>'
  ]) {
    t.equal(
      bare(simpleHtmlText(html)),
      bare(readHtml(html, { html: false, wholeLinks: true }).text.replace(/\[mailto:[^\]]*\]/, ''))
    )
    t.equal(readHtml(html, { html: false, wholeLinks: false }).hiddenChars, 0)
  }
  t.end()
})

t.test('whatever might hide text does not', (t) => {
  const around: readonly (readonly [string, string])[] = [
    ['<div style="display:none">', '</div>'],
    ['<div hidden>', '</div>'],
    ['<div style="display&#58;none">', '</div>'],
    ['<div style="dis\\70lay:none">', '</div>'],
    ['<div style="color:#fff">', '</div>'],
    ['<div style="color:var(--x)">', '</div>'],
    ['<font color=white>', '</font>'],
    ['<font color="#fefefe">', '</font>'],
    ['<div style="color:black;background:black">', '</div>'],
    ['<table bgcolor="#000000"><tr><td>', '</td></tr></table>'],
    ['<div style="font-size:1px">', '</div>'],
    ['<div style="font-size:0">', '</div>'],
    ['<div style="margin-left:-999px">', '</div>'],
    ['<div style="text-indent:-999px">', '</div>'],
    ['<div style="height:0;overflow:hidden">', '</div>'],
    ['<div style="opacity:0">', '</div>'],
    ['<div style="position:absolute;left:-9999px">', '</div>'],
    ['<div style="mso-hide:all">', '</div>'],
    ['<style>div{display:none}</style><div>', '</div>'],
    ['<link rel=stylesheet href=x><div>', '</div>'],
    ['<textarea>', '</textarea>'],
    ['<select><option>', '</option></select>'],
    ['<noscript>', '</noscript>'],
    ['<template>', '</template>'],
    ['<title>', '</title>'],
    ['<svg><text>', '</text></svg>'],
    ['<details>', '</details>'],
    ['<!--', '-->'],
    ['<!-->', '<!-- -->'],
    ['<![CDATA[', ']]>'],
    ['<div title="a>b" style=display:none>', '</div>'],
    ["<div title='<' style='display:none'>", '</div>'],
    ['<div title=x"y style=display:none>', '</div>'],
    ['<div/style="display:none">', '</div>'],
    ['<div\nSTYLE = "display:none">', '</div>'],
    ['<div style="color:red" style="x:y">', '</div>'],
    ['<body text=white>', '</body>']
  ]
  for (const [before, after] of around)
    t.equal(simpleHtmlText(`Seen. ${before}Pay Eve.${after}`), undefined, before)
  t.end()
})

t.test('boxes are bounded by unit, so that none stands outside of the screen', (t) => {
  for (const margin of ['999em', '100px', '99rem', '10em', '999pt', '100%', '1e9px', '50vw'])
    t.equal(simpleHtmlText(`<p style="margin-left:${margin}">Pay Eve.</p>`), undefined, margin)
  t.equal(simpleHtmlText('<p style="margin:0 0 0 40px;padding-left:1.5em">Seen.</p>'), ' Seen. ')
  t.end()
})

/** Numbers that follow from a seed alone (a linear congruential generator, as in Numerical Recipes). */
function randomOf(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const pick = (list: readonly string[]): string => list[Math.floor(next() * list.length)] ?? ''
  return { next, pick }
}

const TAGS = 'div p span a b font blockquote ul li table tr td h1 pre img center small dl dd body'
const RARE_TAGS = 'style template noscript select textarea details svg script title s button'
const PROPERTIES =
  'margin margin-left margin-top padding border color background background-color font font-size font-family line-height white-space text-indent letter-spacing width max-width height max-height display visibility opacity position left top overflow float transform clip-path text-transform direction vertical-align zoom --x all'
const VALUES =
  'none inherit initial block inline hidden absolute 0 0px 1px 1pt 6px 9px 12pt 40px 99px 999px 5000px 0.5em 9em 400em 9rem 500rem 80% 999% -9999px 99vw #000 #333 #fff #eee #a0a0a0 white black red yellow transparent rgb(0,0,0) rgb(160,255,65) rgb(255,255,255) rgba(0,0,0,0) var(--x) small x-large smaller left right pre nowrap normal scale(0) inset(100%) calc(1px-9000px)'
const ATTRIBUTES =
  'href=https://x.test class=a id=b width=0 width=20 height=1 align=left color=black color=white color=#fefefe bgcolor=#ffffff bgcolor=black size=1 size=-7 hidden open dir=rtl title=x text=white text=black background=x data-a=b start=3'
const MARKS =
  '&nbsp; &lt; < > <!-- --> <![CDATA[ ]]> <br> <hr> <br/> </p> </div> </td> &#0; &#x202e;'

/** HTML of a few elements, most of which are such as plain answers have. */
function someHtml({ next, pick }: ReturnType<typeof randomOf>, depth: number): string {
  const children = () =>
    depth > 4
      ? 'words'
      : Array.from({ length: 1 + Math.floor(next() * 3) }, () =>
          someHtml({ next, pick }, depth + 1)
        ).join(' ')
  if (next() < 0.25) return `words${next() < 0.1 ? pick(MARKS.split(' ')) : ''}`
  const tag = pick((next() < 0.02 ? RARE_TAGS : TAGS).split(' '))
  const style = Array.from(
    { length: Math.floor(next() * 3) },
    () => `${pick(PROPERTIES.split(' '))}:${pick(VALUES.split(' '))}`
  )
  const quote = pick(['"', "'"])
  const attributes = [
    ...(next() < 0.4 ? [pick(ATTRIBUTES.split(' '))] : []),
    ...(style.length > 0 ? [`style=${quote}${style.join(pick([';', '; ', ';;']))}${quote}`] : [])
  ]
  const end = next() < 0.95 ? `</${tag}>` : ''
  return `<${[tag, ...attributes].join(pick([' ', '  ', '\n']))}>${children()}${end}`
}

t.test('whatever passes without a tree hides nothing with one', (t) => {
  let passed = 0
  for (let seed = 1; seed <= 6000; seed += 1) {
    const html = someHtml(randomOf(seed * 7919), 0)
    const open = simpleHtmlText(html)
    if (open === undefined) continue
    passed += 1
    const { hiddenChars } = readHtml(html, { html: false, wholeLinks: false })
    if (hiddenChars > 0) t.fail(`seed ${seed}: ${hiddenChars} hidden in ${html}`)
  }
  t.ok(passed > 1000, `${passed} passed without a tree`)
  t.end()
})

t.test('its time grows with the length alone', (t) => {
  for (const html of [
    `<a${' b'.repeat(1900)}`,
    `<a${' '.repeat(3900)}x`,
    '<a b=c d="e" f=\'g\' '.repeat(50_000),
    `<p style="${'color:red;'.repeat(350)}x">`.repeat(300),
    '<'.repeat(500_000)
  ])
    t.equal(simpleHtmlText(html), undefined)
  t.end()
})
