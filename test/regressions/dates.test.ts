import t from 'tap'
import { parseDateHeader } from '../../worker/gmail/date-header.ts'
import { withDates } from '../../worker/gmail/search-dates.ts'

// RFC 5322, section 4.3, and the tz database for zones whose names mean one thing.
t.test('a Date header with a zone is that moment', (t) => {
  for (const [written, time] of [
    ['Mon, 16 Nov 2026 10:00:00 CET', '2026-11-16T09:00:00Z'],
    ['Tue, 17 Nov 2026 10:00:00 CEST', '2026-11-17T08:00:00Z'],
    ['Tue, 17 Nov 26 10:00:00 EST', '2026-11-17T15:00:00Z'],
    ['Tue, 17 Nov 2026 10:00 UT', '2026-11-17T10:00:00Z'],
    ['Tue, 17 Nov 2026 10:00:00 0100', '2026-11-17T09:00:00Z'],
    ['Tue, 17 Nov 2026 10.00.00 +0100', '2026-11-17T09:00:00Z'],
    ['Tue, 17 Nov 2026 10:00:00 +0100 (Central (European) Time)', '2026-11-17T09:00:00Z'],
    ['mar., 17 nov. 2026 10:00:00 +0100', '2026-11-17T09:00:00Z'],
    ['2026-11-17T10:00:00+01:00', '2026-11-17T09:00:00Z'],
    ['Fri, 21 Nov 97 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06Z'],
    [
      'Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)',
      '1969-02-14T03:02:00Z'
    ]
  ] as const)
    t.equal(parseDateHeader(written), Date.parse(time), written)
  t.end()
})

// Node's own Date.parse takes these for the time of the machine it runs on.
t.test('a Date header that leaves its moment open has none', (t) => {
  for (const written of [
    '11/17/2026 10:00:00 AM',
    'Tue, 17 Nov 2026 10:00:00',
    'Tue, 17 Nov 2026 10:00:00 IST',
    '31 Feb 2026 10:00:00 +0000',
    'yesterday',
    ''
  ])
    t.equal(parseDateHeader(written), undefined, written)
  t.end()
})

// developers.google.com/workspace/gmail/api/guides/filtering: seconds for zones other than Pacific time.
t.test('dates of a zone become seconds since the epoch', (t) => {
  const at = (iso: string) => Date.parse(iso) / 1000
  const timeZone = 'Europe/Berlin'
  t.equal(
    withDates('a OR b', { after: '2026-01-31', timeZone }),
    `after:${at('2026-01-30T23:00:00Z')} a OR b`
  )
  t.equal(withDates('', { before: '2026-07-01', timeZone }), `before:${at('2026-06-30T22:00:00Z')}`)
  // The day on which the clocks go forward begins in winter time.
  t.equal(withDates('', { after: '2026-03-29', timeZone }), `after:${at('2026-03-28T23:00:00Z')}`)
  t.equal(withDates('', { after: '2026-03-30', timeZone }), `after:${at('2026-03-29T22:00:00Z')}`)
  t.equal(
    withDates('x', { after: '2026-01-31T10:00+05:30', before: '2026-02-01T00:00:00Z' }),
    `after:${at('2026-01-31T04:30:00Z')} before:${at('2026-02-01T00:00:00Z')} x`
  )
  t.equal(
    withDates('', { after: '2026-01-31T10:00', timeZone: 'Asia/Kolkata' }),
    `after:${at('2026-01-31T04:30:00Z')}`
  )
  t.equal(withDates('x', {}), 'x')
  for (const wrong of [
    { after: '2026-01-31' },
    { after: 'yesterday', timeZone },
    { after: '2026-02-30', timeZone },
    { before: '2026-01-31', timeZone: 'Middle/Earth' }
  ])
    t.throws(() => withDates('', wrong), { code: 'invalid_argument' }, JSON.stringify(wrong))
  t.end()
})
