import t from 'tap'
import { nodeWarning } from '../../../gateway/config/supported-node.ts'

// Node's security releases of 21 October 2026 are 24.22.1 and 26.12.1.
t.test('a release with known holes is named, with what to use instead', async (t) => {
  for (const version of ['24.21.0', '24.12.0', '24.22.0', '26.10.0', '26.12.0'])
    t.match(
      nodeWarning(version),
      /lacks known security fixes; use 2[46]\.\d+\.\d+ or later/,
      version
    )
  for (const version of ['24.22.1', '24.22.2', '24.100.0', '26.12.1', '26.13.0', '28.0.0'])
    t.equal(nodeWarning(version), undefined, version)
  t.match(nodeWarning('25.9.0'), /gets no security fixes; use 24 or 26/)
  t.equal(nodeWarning('26.13.0-nightly'), undefined, 'a suffix changes nothing')
})
