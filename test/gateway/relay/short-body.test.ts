import { Readable } from 'node:stream'
import t from 'tap'
import { shortBody } from '../../../gateway/relay/short-body.ts'

t.test('a sentence is read whole, and one without an end is let go of', async (t) => {
  t.equal(
    String(await shortBody(Readable.from([Buffer.from('Too '), Buffer.from('large.')]))),
    'Too large.'
  )
  let taken = 0
  const endless = new Readable({
    read() {
      taken += 1
      this.push(Buffer.alloc(16 * 1024))
    }
  })
  await t.rejects(shortBody(endless), { message: /too long/ })
  t.ok(endless.destroyed)
  t.ok(taken < 20, `${taken} pieces were taken`)
})
