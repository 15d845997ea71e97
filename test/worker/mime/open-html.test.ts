import t from 'tap'
import { openText } from '../../../worker/mime/open-html.ts'
import { readHtml } from '../../../worker/mime/read-html.ts'

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
      bare(openText(html)),
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
    t.equal(openText(`Seen. ${before}Pay Eve.${after}`), undefined, before)
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
    t.equal(openText(html), undefined)
  t.end()
})
