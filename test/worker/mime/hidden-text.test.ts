/** What a person sees of HTML on a desktop screen is read, and nothing else: CSS Cascade 5, Selectors 4, Media Queries 4. */
import t from 'tap'
import { readHtml } from '../../../worker/mime/read-html.ts'

const read = (html: string) => readHtml(`<p>before</p>${html}`, { html: true, wholeLinks: false })

const HIDDEN = [
  '<style>div .h{display:none}</style><div><p class="h">ZZHID</p></div>',
  '<style>div>p.h{display:none}</style><div><p class="h">ZZHID</p></div>',
  '<style>[data-x]{display:none}</style><p data-x="1">ZZHID</p>',
  '<style>center{display:none}</style><center>ZZHID</center>',
  '<style>.a.b{display:none}</style><p class="a b">ZZHID</p>',
  '<style>@media all{.h{display:none}}</style><p class="h">ZZHID</p>',
  '<style>.h{color:white}</style><p class="h">ZZHID</p>',
  '<p style="font:0/0 a">ZZHID</p>',
  '<p style="scale:0">ZZHID</p>',
  '<p style="position:absolute;left:-99em">ZZHID</p>',
  '<p style="color:#fefefe">ZZHID</p>',
  '<p style="color:rgb(255 255 255)">ZZHID</p>',
  '<p style="color:#00000000">ZZHID</p>',
  '<p style="color:red;background-color:#f00">ZZHID</p>',
  '<div hidden>ZZHID</div>',
  '<p style="opacity:.0">ZZHID</p>',
  '<font color=white>ZZHID</font>',
  '<div style="max-height:0;overflow:hidden">ZZHID</div>',
  '<div style="text-indent:-5000px">ZZHID</div>',
  '<style>.a{color:red; .b &{display:none}}</style><div class="b"><p class="a">ZZHID</p></div>',
  '<style>@media (width >= 600px){.h{display:none}}</style><p class="h">ZZHID</p>',
  '<style>@layer x{.h{display:none!important}}.h{display:block!important}</style><p class="h">ZZHID</p>',
  '<textarea>ZZHID</textarea><svg><text>ZZHID</text></svg>',
  `${'<div>'.repeat(400)}<div style="display:none">ZZHID</div>`,
  '<style>:root{--w:#fff}</style><p style="color:var(--w)">ZZHID</p>',
  '<p style="color:hsl(0 0% 99%)">ZZHID</p>',
  '<p style="color:oklch(1 0 0)">ZZHID</p>',
  '<p style="font-size:calc(0px * 3)">ZZHID</p>',
  '<div style="background:#fff url()"><span style="color:#fff">ZZHID</span></div>',
  '<div style="background:linear-gradient(#fff,#fefefe)"><span style="color:#fff">ZZHID</span></div>',
  '<style>p:nth-of-type(2){display:none}</style><p>ZZHID</p>',
  '<style>b ~ p{display:none}</style><b>v</b><i>w</i><p>ZZHID</p>',
  '<style>p:not(.ok){visibility:hidden}</style><p>ZZHID</p>',
  '<style media="screen">p{display:none}</style><p>ZZHID</p>',
  '<style>@media (min-width:1px){p{display:none}}</style><p>ZZHID</p>',
  '<style>@supports (display:block){p{display:none}}</style><p>ZZHID</p>',
  '<style>.h{display:none!important}</style><p class=h style="display:block">ZZHID</p>',
  '<style>#a{display:none}.h{display:block}</style><p class=h id=a>ZZHID</p>',
  '<p style="clip-path:inset(50%)">ZZHID</p>',
  '<p style="position:absolute;clip:rect(0 0 0 0)">ZZHID</p>',
  '<p style="transform:scale(0,0)">ZZHID</p>',
  '<p style="transform:translateX(-9999px)">ZZHID</p>',
  '<div style="height:1px;width:1px;overflow:hidden">ZZHID</div>',
  '<p style="dis\\70lay:none">ZZHID</p>',
  '<p style="display:/**/none">ZZHID</p>',
  '<table bgcolor="#ffffff"><tr><td><font color="#FFFFFF">ZZHID</font></td></tr></table>',
  '<body bgcolor=black text=black>ZZHID',
  '<p style="filter:opacity(0)">ZZHID</p>',
  '<p style="color:rgba(0,0,0,.01)">ZZHID</p>',
  '<p style="font-size:2px">ZZHID</p>',
  '<img width=1 height=1 alt="ZZHID">',
  '<p style="margin-left:-9999px">ZZHID</p>',
  '<style>p{all:initial;display:none}</style><p>ZZHID</p>',
  '<div style="opacity:.2"><div style="opacity:.2">ZZHID</div></div>',
  '<p style="color:white;color:bogus">ZZHID</p>',
  '<p style="display:none;display:bogus">ZZHID</p>',
  '<style>p{display:none}p{display:foo}</style><p>ZZHID</p>',
  '<div style="visibility:hidden"><b>ZZHID</b></div>',
  '<style>.h{font-size:0} .h *{font-size:inherit}</style><div class=h><b>ZZHID</b></div>',
  '<p style="-webkit-text-fill-color:#fff">ZZHID</p>',
  '<details><summary>s</summary></details><dialog>ZZHID</dialog>',
  '<style>html{font-size:62.5%}.h{font-size:.1rem}</style><p class=h>ZZHID',
  '<p style="display:none">ZZHID<div></div></p>',
  '<p style="color:Canvas">ZZHID</p>',
  '<p style="line-height:0;height:0;overflow:hidden">ZZHID</p>',
  '<div style="width:0;overflow:clip">ZZHID</div>',
  '<a href="http://x.test/" style="color:#fff">ZZHID</a>',
  '<style>a{color:white!important}</style><a href="http://x.test/">ZZHID</a>',
  '<style>.x{display:none}</style><![if !mso]><p class=x>ZZHID</p><![endif]>',
  '<div style="position:fixed;top:-50000px">ZZHID</div>',
  '<div style="background-color:#eee"><p style="color:#efefef">ZZHID</p></div>'
]

const SEEN = [
  '<style>@media print{.h{display:none}}</style><p class="h">ZZTEXT</p>',
  '<div style="background-color:#123456"><p style="color:#ffffff">ZZTEXT</p></div>',
  '<p aria-hidden="true">ZZTEXT</p>',
  '<style>.show{display:none} .show{display:block}</style><div class="show">ZZTEXT</div>',
  '<p style="color:inherit;background-color:inherit">ZZTEXT</p>',
  '<style>.hd{background-color:#003366}</style><table><tr><td class="hd"><font color="#ffffff">ZZTEXT</font></td></tr></table>',
  '<table><tr><td style="background-image:url(https://x.example/a.png)"><span style="color:white">ZZTEXT</span></td></tr></table>',
  '<style>@media (max-width:600px){.d{display:none}}</style><table bgcolor="#000"><tr><td class="d" style="color:#fff;font-size:14px">ZZTEXT</td></tr></table>',
  '<p style="font-size:10px;opacity:0.9;line-height:0">ZZTEXT</p>',
  '<div style="font-size:0"><span style="font-size:13px">ZZTEXT</span></div>',
  '<noscript>ZZTEXT</noscript>',
  '<div style="color:white"><a href="https://x.test/">ZZTEXT</a></div>',
  '<div style="visibility:hidden"><b style="visibility:visible">ZZTEXT</b></div>',
  '<p style="color:windowtext">ZZTEXT</p>',
  '<p style="color:#ccc">ZZTEXT</p>',
  '<div style="background:linear-gradient(90deg,#000,#333);color:#fff">ZZTEXT</div>',
  '<td style="height:0;overflow:hidden">ZZTEXT</td>',
  '<span style="height:0;overflow:hidden">ZZTEXT</span>',
  '<style>p:hover{display:none}</style><p>ZZTEXT',
  '<style>p::before{display:none}</style><p>ZZTEXT',
  '<div style="mso-hide:all">ZZTEXT</div>',
  '<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style><p>ZZTEXT',
  '<body bgcolor="#222"><font color=white>ZZTEXT</font>',
  '<style>body{background:#000}p{color:#fff}</style><p>ZZTEXT',
  '<style>@font-face{font-family:x}@import url(x);p{color:#333}</style><p>ZZTEXT',
  '<div style="max-width:0;max-height:0">ZZTEXT</div>',
  '<div style="display:none;display:block">ZZTEXT</div>',
  '<p style="font-size:smaller">ZZTEXT',
  '<p style="font:bold 1em/1.5 Arial">ZZTEXT',
  '<a href="https://x.test/" style="background:#06c;color:#fff">ZZTEXT</a>',
  '<div style="background:url(\'https://x/a.png\') #fff no-repeat;color:#fff">ZZTEXT</div>',
  '<style>.p{display:none}.p[data-on]{display:block}</style><p class=p data-on>ZZTEXT',
  '<p style="text-indent:-20px">ZZTEXT',
  '<p style="opacity:.3">ZZTEXT'
]

t.test('what nobody can see is left out of the text and of the HTML, and is counted', (t) => {
  for (const html of HIDDEN) {
    const shown = read(html)
    t.notMatch(`${shown.text}${shown.html}`, /ZZHID/, html.slice(-100))
    t.ok(shown.hiddenChars >= 'ZZHID'.length || html.includes('<img'), 'counted')
  }
  t.end()
})

t.test('what people see stays, however much it looks like something hidden', (t) => {
  for (const html of SEEN) {
    const shown = read(html)
    t.match(shown.text, /ZZTEXT/, html.slice(0, 100))
    t.match(shown.html, /ZZTEXT/, html.slice(0, 100))
  }
  t.end()
})

t.test('style beyond the limits is said, and costs no more than its length', (t) => {
  const many = Array.from({ length: 9000 }, (_, at) => `[data-${at}]{color:red}`).join('')
  const wide = read(`<style>${many}</style>${'<i>x</i>'.repeat(5000)}`)
  t.equal(wide.isStyleCut, true)
  t.match(wide.text, /^before/)
  const long = read(`<style>${'.a{color:red}'.repeat(60_000)}</style><p>text</p>`)
  t.equal(long.isStyleCut, true)
  const siblings = read(
    `<style>${'b ~ i ~ u{display:none}'.repeat(500)}</style>${'<b></b>'.repeat(5000)}<u>u</u>`
  )
  t.type(siblings.text, 'string')
  const deep = read(`<style>${'@media all{'.repeat(20_000)}</style>${':is('.repeat(20_000)}`)
  t.match(deep.text, /^before/)
  t.end()
})
