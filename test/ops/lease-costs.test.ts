import t from 'tap'
import { measureLeases } from '../../ops/lease-costs/measure.ts'
import { modelOf } from '../../ops/lease-costs/model.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'

t.test(
  'leases are renewed, verified and taken over while it is measured',
  {
    skip: withoutPostgres
  },
  async (t) => {
    const server = await startPostgres(t)
    const costs = await measureLeases(await server.newDatabase(), 3, 20, 4)
    t.equal(costs.heldAtTheEnd, 60, 'all people of the dead machine are with the others')
    for (const cost of [costs.renewal.p50, costs.take.p50, costs.verify.p50, costs.roundOfAll])
      t.ok(cost > 0)
    t.ok(costs.logBytesPerRenewal > 20, 'a renewal is written to the log')
  }
)

t.test('what follows for all machines', (t) => {
  const span = { p50: 1, p99: 2 }
  const costs = {
    ...{ machines: 100, people: 1000, renewal: span, take: span, verify: span },
    ...{ roundOfAll: 0.6, logBytesPerRenewal: 120, storm: 2, heldAtTheEnd: 100_000 }
  }
  const model = modelOf(costs, { cores: 2, callsAMinute: 2 })
  t.equal(model.renewalShare.toFixed(3), '0.300')
  t.equal(model.machinesAtHalf, 166)
  t.equal(model.logMegabytes.toFixed(1), '6.0')
  t.equal(
    model.storm.takes.toFixed(1),
    '0.8',
    'two fifths of them call within the 12 s of the lease'
  )
  t.equal(model.storm.starts.toFixed(3), '0.170')
  t.end()
})
