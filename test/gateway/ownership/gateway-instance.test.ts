import t from 'tap'
import { thisInstance } from '../../../gateway/ownership/gateway-instance.ts'

t.test('a gateway is dead only when that is certain', async (t) => {
  const starts = new Map([
    [1, '10'],
    [2, '20'],
    [3, '0'] // it is there, and nothing says since when
  ])
  const node = (pid: number, host = 'here') =>
    thisInstance({ host, pid, startOf: (one) => starts.get(one), randomHex: () => 'cafe' })
  const { isRunning } = node(1)
  t.equal(isRunning(node(2).id), true)
  t.equal(isRunning(node(3).id), undefined)
  t.equal(isRunning('here/3/30/cafe'), undefined, 'it said so itself once, and cannot be asked now')
  t.equal(isRunning('here/2/0/cafe'), undefined, 'it could not say')
  t.equal(isRunning('here/2/19/cafe'), false, 'another process has its pid')
  t.equal(isRunning('here/4/40/cafe'), false)
  t.equal(isRunning(node(2, 'there').id), undefined)
})
