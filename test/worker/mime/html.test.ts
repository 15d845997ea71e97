import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Clock, systemClock } from '#shared/clock.ts'
import { MimeThread } from '../../../worker/mime/mime-thread.ts'
import { readHtml as read } from '../../../worker/mime/read-html.ts'
import { afterRunningFor } from '../../../worker/mime/running-timeout.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { hasty } from '../../helpers/hasty-clock.ts'

const threadFile = fileURLToPath(new URL('../../../worker/mime/html-tasks.ts', import.meta.url))
const signal = new AbortController().signal
const readHtml = (source: string) => {
  const { text, html = '', ...rest } = read(source, { html: true, wholeLinks: false })
  return { text, html, ...rest }
}

t.test('what a reader sees becomes text', (t) => {
  const { text, html } = readHtml(
    '<html><head><title>T</title><style>p{color:red}</style></head><body><h1>Hi</h1><p>One &amp; two</p><ul><li>a</li><li>b</li></ul><a href="https://x.test/p">link</a><script>alert(1)</script><img src="https://track.test/p.gif"></body></html>'
  )
  t.equal(text, 'Hi\n\nOne & two\n\n * a\n * b\n\nlink [https://x.test/p]')
  t.notMatch(html, /script|style|img|track\.test|alert/)
  t.match(html, '<a href="https://x.test/p">link</a>')
  t.end()
})

t.test('hidden parts are dropped, however they are hidden', (t) => {
  const HIDDEN = [
    '<div style="display:none">SECRET</div>',
    '<div style="DISPLAY : none !important">SECRET</div>',
    '<span style="visibility:hidden">SECRET</span>',
    '<p style="font-size:0">SECRET</p>',
    '<p style="font-size:1px">SECRET</p>',
    '<p style="opacity:0">SECRET</p>',
    '<p style="opacity:0.01">SECRET</p>',
    '<p style="opacity:.0">SECRET</p>',
    '<p style="opacity:0%">SECRET</p>',
    '<p style="font-size:0.1px">SECRET</p>',
    '<p style="color:transparent">SECRET</p>',
    '<p style="color:#ffffff">SECRET</p>',
    '<font color="white">SECRET</font>',
    '<p style="color:#eee;background-color:#eee">SECRET</p>',
    '<div style="max-height:0;overflow:hidden">SECRET</div>',
    '<div style="position:absolute;left:-9999px">SECRET</div>',
    '<div style="text-indent:-5000px">SECRET</div>',
    '<div hidden>SECRET</div>',
    '<custom-tag style="display:none"><b>SEC</b>RET</custom-tag>',
    '<center style="display:none">SECRET</center>',
    '<style>.x{display:none} @media print{.y{color:red}}</style><div class="a x">SECRET</div>',
    '<style>#z, p.q { visibility: hidden }</style><div id="z">SECRET</div>',
    '<template>SECRET</template><!-- SECRET -->',
    '<textarea>SECRET</textarea><svg><text>SECRET</text></svg><title>SECRET</title>',
    '<div style="display:none"><div><p>SECRET</div></div>',
    `${'<div>'.repeat(400)}<div style="display:none">SECRET</div>`
  ]
  for (const html of HIDDEN) {
    const shown = readHtml(`<p>before</p>${html}<p>after</p>`)
    t.notMatch(`${shown.text}${shown.html}`, /SEC|RET/, html.slice(0, 80))
    t.match(shown.text, /before/)
  }
  const visible = readHtml(
    '<style>@media (max-width:600px){.d{display:none}}</style><table bgcolor="#000"><tr><td class="d" style="color:#fff;font-size:14px">SEEN</td></tr></table><p style="font-size:10px;opacity:0.9;line-height:0">small</p><p style="color:#333">dark</p><div style="font-size:0"><span style="font-size:13px">sized</span></div>'
  )
  t.match(visible.text, /SEEN/, 'white on black, and what only small screens hide, is seen')
  t.match(visible.text, /small\s+dark\s+sized/)
  t.end()
})

t.test('dangerous addresses do not survive', (t) => {
  const { text, html } = readHtml(
    `<a href="javascript:alert(1)">a</a><a href="data:text/html,x">b</a><a href="//evil.test">c</a><a href="https://t.test/${'x'.repeat(500)}">d</a><p onclick="x()">e</p>`
  )
  t.notMatch(html, /javascript|data:|evil|onclick/)
  t.match(html, 'x'.repeat(500), 'a long link is whole in the HTML')
  t.match(text, /d \[https:\/\/t\.test\/x+\u2026 cut, 515 characters\]/)
  t.match(text, /a.*b.*c.*d/s)
  t.end()
})

t.test('deep and large HTML is read in time', async (t) => {
  const pool = new MimeThread({ threadFile, clock: systemClock, timeoutMs: 20_000 })
  t.teardown(() => pool.close())
  const deep = await pool.readHtml(
    `${'<div>'.repeat(20_000)}core${'</div>'.repeat(20_000)}`,
    signal
  )
  t.type(deep.text, 'string')
  const large = await pool.readHtml('<p>word <b>bold</b></p>'.repeat(45_000), signal)
  t.match(large.text, /^word bold/)
  const nasty = [
    '<'.repeat(200_000),
    '<a '.repeat(100_000),
    '<style>'.repeat(50_000),
    `<p style="${'a:b;'.repeat(50_000)}">x</p>`,
    '&'.repeat(300_000),
    `<style>${'{'.repeat(100_000)}</style>`,
    '<table>'.repeat(3000),
    '<b><i>'.repeat(20_000)
  ]
  for (const html of nasty) t.type((await pool.readHtml(html, signal)).text, 'string')
})

t.test('HTML over the limits fails its own call, and the next one works', async (t) => {
  const slow = new MimeThread({ threadFile, clock: systemClock, timeoutMs: 1 })
  t.teardown(() => slow.close())
  await t.rejects(slow.readHtml('<p>x</p>'.repeat(200_000), signal), { code: 'too_large' })
  const tiny = new MimeThread({ threadFile, clock: systemClock, heapMb: 4, timeoutMs: 20_000 })
  t.teardown(() => tiny.close())
  await t.rejects(tiny.readHtml('<p>fine</p>', signal), { code: 'too_large' })
  const small = new MimeThread({ threadFile, clock: systemClock, heapMb: 40, timeoutMs: 20_000 })
  t.teardown(() => small.close())
  await t.rejects(small.readHtml('<p>x<b>y</b></p>'.repeat(120_000), signal), { code: 'too_large' })
  t.equal((await small.readHtml('<p>fine</p>', signal)).text, 'fine')
  const pool = new MimeThread({ threadFile, clock: systemClock })
  t.teardown(() => pool.close())
  const cancelled = new AbortController()
  const waiting = pool.readHtml('<p>x</p>'.repeat(200_000), cancelled.signal)
  cancelled.abort(new Error('cancelled'))
  await t.rejects(waiting, { message: 'cancelled' })
  t.equal((await pool.readHtml('<p>fine</p>', signal)).text, 'fine')
  await pool.close()
  await pool.close()
})

t.test('time in which the process was held up does not count', (t) => {
  const timers: (() => void)[] = []
  // As after a long stop: what is due comes once, however late.
  const late: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_ms, fn) {
      timers.push(fn)
      return () => {}
    }
  }
  let calls = 0
  afterRunningFor(late, 1000, () => {
    calls += 1
  })
  for (let due = 1; due < 4; due += 1) timers.shift()?.()
  t.equal(calls, 0, 'three timers came due, and each may have been a stop')
  timers.shift()?.()
  t.equal(calls, 1)
  t.same(timers, [])
  const clock = new FakeClock()
  const cancel = afterRunningFor(clock, 300, () => {
    calls += 1
  })
  clock.advance(299)
  cancel()
  clock.advance(1000)
  t.equal(calls, 1, 'cancelled')
  afterRunningFor(clock, 300, () => {
    calls += 1
  })
  clock.advance(300)
  t.equal(calls, 2)
  t.end()
})

t.test('the start of the thread does not count against the first message', async (t) => {
  const fixture = (name: string) =>
    fileURLToPath(new URL(`../../fixtures/mime/${name}.ts`, import.meta.url))
  // Time passes for the limits as fast as it can: a limit of 5 s is over before any thread has started.
  let turns = 0
  const fast: Clock = {
    ...systemClock,
    after(_ms, fn) {
      turns += 1
      const soon = setTimeout(fn, turns > 100 ? 60_000 : 1)
      return () => clearTimeout(soon)
    }
  }
  const slow = new MimeThread({ threadFile: fixture('starts-slowly'), clock: fast })
  t.teardown(() => slow.close())
  t.match(await slow.readHtml('<p>x</p>', signal), { text: 'started' })
  const never = new MimeThread({ threadFile: fixture('never-starts'), clock: hasty })
  t.teardown(() => never.close())
  await t.rejects(never.readHtml('<p>x</p>', signal), { name: 'NoThread' })
})

t.test('a thread that does not start is no fault of the message', async (t) => {
  const pool = new MimeThread({ threadFile: `${threadFile}.none`, clock: systemClock })
  t.teardown(() => pool.close())
  await t.rejects(pool.readHtml('<p>x</p>', signal), { name: 'NoThread' })
})
