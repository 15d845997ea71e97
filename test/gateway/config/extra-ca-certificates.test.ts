import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { TEST_CERTIFICATE } from '../../helpers/test-certificate.ts'

const FILE = fileURLToPath(
  new URL('../../../gateway/config/extra-ca-certificates.ts', import.meta.url)
)

/** What a process finds that was started with this file of authorities, of which so many characters may be told. */
function found(file: string, mostChars: number): string {
  const program = `import(${JSON.stringify(FILE)}).then(({ extraCaCertificates }) => console.log(extraCaCertificates(${mostChars}).length), console.error).catch((error) => console.log(error.code, error.message))`
  const { stdout } = spawnSync(process.execPath, ['--no-warnings', '-e', program], {
    env: { NODE_EXTRA_CA_CERTS: file },
    encoding: 'utf8'
  })
  return stdout.trim()
}

t.test('only authorities beyond those of Node are told, and no more than fit', (t) => {
  const file = join(t.testdir(), 'all.pem')
  // As Debian's ca-certificates.crt with the company's own in it.
  const all = [...rootCertificates, TEST_CERTIFICATE]
  writeFileSync(file, all.map((each) => each.replaceAll('\n', '\r\n')).join('\r\n'))
  t.equal(found(file, 5000), '1')
  t.match(found(file, 100), /^ERR_CONFIG NODE_EXTRA_CA_CERTS names 1 /)
  t.equal(found('', 100), '0')
  t.end()
})
