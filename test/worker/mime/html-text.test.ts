import t from 'tap'
import { readHtml } from '../../../worker/mime/read-html.ts'

const text = (html: string, wholeLinks = false) => readHtml(html, { html: false, wholeLinks }).text

t.test('tables: cells apart, rows on lines, empty places kept, layout flowing', (t) => {
  t.equal(
    text('<table><tr><th>Item<th>Net<tr><td>A<td>100<tr><td>B<td><td>7</table>'),
    'Item\tNet\nA\t100\nB\t\t7'
  )
  t.equal(
    text('<table><tr><td rowspan=2>North<td>1<tr><td>2<tr><td colspan=2>Sum<td>3</table>'),
    'North\t1\n\t2\nSum\t\t3'
  )
  const layout =
    '<table role="presentation"><tr><td><table><tr><td><p>One.</p><p>Two.</p></td><td>Side</td></tr></table></td></tr></table>'
  t.equal(text(layout), 'One.\n\nTwo.\nSide')
  t.equal(
    text('<div><span style="display:block">a</span><span style="display:block">b</span></div>'),
    'a\nb'
  )
  t.end()
})

t.test('lists, definitions, buttons, centred lines, fixed text', (t) => {
  t.equal(
    text('<ol start="5"><li>pay<li>sign</ol>'),
    ' 5. pay\n 6. sign'.trimStart().replace(/^/, ' ')
  )
  t.equal(text('<ol type="a" reversed start=2><li>x<li>y</ol>'), ' b. x\n a. y')
  t.equal(text('<ul><li>a<ul><li>b</ul><li value=3>c</ul>'), ' * a\n    * b\n * c')
  t.equal(text('<dl><dt>Order<dd>12345<dt>Sum<dd>10</dl>'), 'Order\n  12345\nSum\n  10')
  t.equal(text('<button>Accept</button><button>Decline</button>'), 'Accept Decline')
  t.equal(text('<center>12</center><center>34</center>'), '12\n34')
  t.equal(text('<pre>line 1\n  line 2</pre><p>a<br>b</p>'), 'line 1\n  line 2\n\na\nb')
  t.equal(text('<b>a</b>&nbsp;<b>b</b>'), 'a b', 'a blank that does not break parts words')
  t.end()
})

t.test('what is struck out, raised or a picture says so', (t) => {
  t.equal(
    text('<p>Price: <s>100</s> 80, <span style="text-decoration:line-through">7</span> 5</p>'),
    'Price: ~~100~~ 80, ~~7~~ 5'
  )
  t.equal(
    text('10<sup>6</sup> on the 1<sup>st</sup>'),
    '10^6 on the 1st',
    '10 to the 6th is not 106'
  )
  t.equal(
    text('Great <img alt="\u{1f389}"> <img alt="Sale: 50%"><img src="x.gif">'),
    'Great \u{1f389} [image: Sale: 50%]'
  )
  t.equal(
    text(
      '<input type=checkbox checked> Yes <input type=hidden value=x><input type=password value=y>'
    ),
    '[x] Yes'
  )
  t.end()
})

t.test('links have their address beside their words, whole or said to be cut', (t) => {
  t.equal(text('<a href="https://a.test/x">go</a> on'), 'go [https://a.test/x] on')
  t.equal(
    text('<a href="https://a.test">a.test</a> <a href="mailto:a@b.test">a@b.test</a>'),
    'a.test a@b.test'
  )
  t.equal(
    text('<a href="https://a.test/p"><img alt="Pay"></a><a href="https://b.test"><img></a>'),
    '[image: Pay] [https://a.test/p] [https://b.test]'
  )
  t.equal(
    text('<a href="https://evil.test">https://bank.test</a>'),
    'https://bank.test [https://evil.test]'
  )
  const long = `https://c.test/?u=${'x'.repeat(500)}`
  const cut = readHtml(`<a href="${long}">verify</a>`, { html: true, wholeLinks: false })
  t.match(cut.text, /verify \[https:\/\/c\.test\/\?u=x+\u2026 cut, 518 characters\]/)
  t.equal(cut.cutLinks, 1)
  t.match(cut.html, long)
  t.equal(text(`<a href="${long}">verify</a>`, true), `verify [${long}]`)
  t.end()
})

t.test('an element after a hidden one is closed as itself', (t) => {
  const hidden = '<div style="display:none">Preview</div>'
  t.equal(
    text(`${hidden}<a href="https://s.test/a">A</a> or <a href="https://s.test/b">B</a>.`),
    'A [https://s.test/a] or B [https://s.test/b].'
  )
  t.equal(text(`${hidden}<blockquote>q</blockquote>after`), '> q\n\nafter')
  t.equal(text('<noscript><p>Fallback</p></noscript>'), 'Fallback', 'mail programs run no scripts')
  t.end()
})
