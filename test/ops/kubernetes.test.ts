import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Service } from 'kubernetes-models/v1/Service'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import { readConfig, Settings } from '../../gateway/config/config.ts'
import { ruleFile } from '../../ops/monitoring/rule-file.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../helpers/test-certificate.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ROOM = join(root, 'ops/kubernetes')
const KINDS = [
  ConfigMap,
  NetworkPolicy,
  PodDisruptionBudget,
  PrometheusRule,
  Service,
  ServiceMonitor,
  StatefulSet
] as const
/** Whose parts a patch holds, and not all that must be there. */
const PATCHES = ['namespaces/pod.yaml', 'uids/pod.yaml']
const [ADMIN = '', METRICS = ''] = [1, 2].map(() => randomBytes(24).toString('hex'))
const WALLS = ['namespaces', 'uids'] as const

// biome-ignore lint/suspicious/noExplicitAny: a manifest has the shape of its kind, which the schemas check
type Manifest = any

const manifestsIn = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest)
const read = (name: string): Manifest[] => manifestsIn(readFileSync(join(ROOM, name), 'utf8'))
const kubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0
const skip = !kubectl && 'needs kubectl, which has kustomize in it'
const built = (name: string): Manifest[] =>
  manifestsIn(execFileSync('kubectl', ['kustomize', join(ROOM, name)], { encoding: 'utf8' }))
const theOne = (all: readonly Manifest[], kind: string): Manifest =>
  all.find((each) => each.kind === kind)
const gatewayIn = (set: Manifest): Manifest => set.spec.template.spec.containers[0]

/** The object, and where in it something lies that its reader never asked for. */
function watched(value: Manifest) {
  const unread = new Set<string>()
  const wrap = (part: Manifest, path: string): Manifest => {
    if (typeof part !== 'object' || part === null) return part
    for (const key of Object.keys(part)) unread.add(`${path}/${key}`)
    return new Proxy(part, {
      get(target, key) {
        unread.delete(`${path}/${String(key)}`)
        const found = Reflect.get(target, key)
        const isOwn = Object.hasOwn(target, key)
        return isOwn ? wrap(found, `${path}/${String(key)}`) : found
      }
    })
  }
  return { value: wrap(value, ''), unread: () => [...unread] }
}

/** What is wrong with a manifest in the eyes of its schema; fields that the schema does not know are wrong, too. */
function mistakesIn(manifest: Manifest, isPatch = false): string[] {
  const { apiVersion, kind } = manifest
  const Kind = KINDS.find((each) => each.kind === kind && each.apiVersion === apiVersion)
  if (!Kind) return [`${apiVersion} ${kind} has no schema here`]
  const { value, unread } = watched(manifest)
  const found: string[] = []
  try {
    Kind.prototype.validate.call(value) // a model of its own would be a copy, whose fields are all read
  } catch (error) {
    const errors = Object(error).errors as { keyword: string; instancePath: string }[]
    const wrong = errors.filter(({ keyword }) => !(isPatch && keyword === 'required'))
    found.push(...wrong.map(({ instancePath, keyword }) => `${instancePath}: ${keyword}`))
  }
  return [...found, ...unread().map((path) => `${path} is not known`)]
}

t.test('every manifest is as the schemas of Kubernetes want it, and has no other field', (t) => {
  const files = globSync('*/*.yaml', { cwd: ROOM })
    .filter((name) => !name.endsWith('kustomization.yaml'))
    .sort()
  t.ok(files.length >= 9)
  for (const file of files)
    for (const manifest of read(file))
      t.same(mistakesIn(manifest, PATCHES.includes(file)), [], `${file}: ${manifest.kind}`)
  t.end()
})

t.test('a mistake in a manifest is found', (t) => {
  const [set] = read('base/gateways.yaml')
  set.spec.template.spec.containers[0].livenessProb = {}
  t.same(mistakesIn(set), ['/spec/template/spec/containers/0/livenessProb is not known'])
  const [budget] = read('base/disruption.yaml')
  budget.spec.unhealthyPodEvictionPolicy = 'Always'
  t.same(mistakesIn(budget), ['/spec/unhealthyPodEvictionPolicy: enum'])
  t.same(mistakesIn({ apiVersion: 'v1', kind: 'Pot' }), ['v1 Pot has no schema here'])
  t.end()
})

t.test('what kustomize makes of them is right as well, and each wall is whole', { skip }, (t) => {
  for (const wall of WALLS) {
    const all = built(wall)
    for (const manifest of all) t.same(mistakesIn(manifest), [], `${wall}: ${manifest.kind}`)
    const { spec } = theOne(all, 'StatefulSet').spec.template
    const { securityContext } = spec.containers[0]
    t.equal(securityContext.readOnlyRootFilesystem, true)
    t.equal(securityContext.allowPrivilegeEscalation, false)
    t.same(securityContext.capabilities.drop, ['ALL'])
    t.ok(spec.securityContext.fsGroup !== undefined, 'secrets are readable for the gateway')
    if (wall === 'namespaces') {
      t.equal(spec.securityContext.runAsNonRoot, true)
      t.equal(spec.hostUsers, false, 'without it an unmasked /proc is refused')
      t.match(securityContext, {
        procMount: 'Unmasked',
        seccompProfile: { type: 'Localhost' },
        appArmorProfile: { type: 'Unconfined' },
        capabilities: { add: undefined }
      })
    } else t.same(securityContext.capabilities.add, ['SETUID', 'SETGID', 'KILL'])
  }
  for (const manifest of built('monitoring')) t.same(mistakesIn(manifest), [], manifest.kind)
  t.end()
})

/** The environment of a gateway as a pod would have it, with files below `directory` in the place of mounts. */
function environmentOf(all: readonly Manifest[], directory: string): Record<string, string> {
  const pod: Record<string, string> = { POD_NAME: 'gmail-mcp-0', POD_NAMESPACE: 'mail' }
  const own = Object.fromEntries(
    gatewayIn(theOne(all, 'StatefulSet')).env.map(({ name, value }: Manifest) => [
      name,
      (value ?? pod[name])
        .replace(/\$\((\w+)\)/g, (_: string, of: string) => pod[of] ?? '')
        .replace('/etc/gmail-mcp', directory)
    ])
  )
  return { ...theOne(all, 'ConfigMap').data, ...own }
}

/** The files that docs/kubernetes.md has operators put into the two Secrets. */
function secretFiles(t: Test): string {
  const directory = t.testdir()
  const put = (name: string, text: string): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text, { mode: 0o400 })
  }
  const client = { web: { client_id: 'client', client_secret: 'secret' } }
  put('secrets/google-client.json', JSON.stringify(client))
  put('secrets/admin-token', ADMIN)
  put('secrets/metrics-token', METRICS)
  put('secrets/database-url', 'postgres://gateway:word@db.postgres.svc:5432/gateway')
  writeKeyring(join(directory, 'secrets/gateway-keys.json'), createKeyring())
  put('peers/tls.crt', TEST_CERTIFICATE)
  put('peers/tls.key', TEST_KEY)
  put('peers/ca.crt', TEST_CERTIFICATE)
  return directory
}

t.test('the gateway takes every setting that they give', (t) => {
  const base = [...read('base/settings.yaml'), ...read('base/gateways.yaml')]
  const environment = environmentOf(base, secretFiles(t))
  for (const wall of WALLS) {
    const patch = read(`${wall}/pod.yaml`)
    for (const { name, value } of gatewayIn(patch[0]).env) environment[name] = value
    const config = readConfig(environment)
    t.equal(config.PEER_URL, 'https://gmail-mcp-0.gmail-mcp-peers.mail.svc:3007')
    t.equal(config.ISOLATION, wall)
    t.equal(config.METRICS_TOKEN, METRICS)
  }
  const given = [...gatewayIn(base[1]).env.map(({ name }: Manifest) => name)]
  const names = [...Object.keys(base[0].data), ...given]
  const known = (name: string): boolean =>
    name in Settings.shape ||
    name.replace(/_FILE$/, '') in Settings.shape ||
    ['GMAIL_OAUTH_PATH', 'POD_NAME', 'POD_NAMESPACE'].includes(name)
  t.same(
    names.filter((name) => !known(name)),
    []
  )
  t.notOk(
    names.some((name) => /TOKEN$|SECRET$|KEY$|DATABASE_URL$/.test(name)),
    'secrets are files'
  )
  t.end()
})

t.test('ports, names and labels fit each other and the gateway', (t) => {
  const [set] = read('base/gateways.yaml')
  const { ports, volumeMounts, lifecycle } = gatewayIn(set)
  const defaults = Settings.pick({ PORT: true, PEER_PORT: true, OPS_PORT: true }).parse({})
  t.same(
    ports.map(({ name, containerPort }: Manifest) => [name, containerPort]),
    [
      ['public', defaults.PORT],
      ['peers', defaults.PEER_PORT],
      ['ops', defaults.OPS_PORT]
    ]
  )
  const named = new Set(ports.map(({ name }: Manifest) => name))
  const services = read('base/services.yaml')
  const policy = theOne(read('base/network.yaml'), 'NetworkPolicy').spec
  const used = [
    ...services.flatMap(({ spec }) => spec.ports.map(({ targetPort }: Manifest) => targetPort)),
    ...policy.ingress.flatMap(({ ports }: Manifest) => ports.map(({ port }: Manifest) => port))
  ]
  t.same(new Set(used), named)
  t.equal(set.spec.serviceName, services[1].metadata.name)
  const labels = set.spec.template.metadata.labels
  const selectors = [
    set.spec.selector.matchLabels,
    policy.podSelector.matchLabels,
    theOne(read('base/disruption.yaml'), 'PodDisruptionBudget').spec.selector.matchLabels,
    ...services.map(({ spec }) => spec.selector)
  ]
  for (const selector of selectors) t.same(selector, labels)
  const volumes = set.spec.template.spec.volumes.map(({ name }: Manifest) => name)
  t.same(new Set(volumeMounts.map(({ name }: Manifest) => name)), new Set(volumes))
  const [, , preStop] = lifecycle.preStop.exec.command
  const [, seconds] = /sleep (\d+)$/.exec(preStop) ?? []
  const { DRAIN_TIMEOUT } = Settings.pick({ DRAIN_TIMEOUT: true }).parse({})
  const least = Number(seconds) + (2 * DRAIN_TIMEOUT) / 1000
  t.ok(set.spec.template.spec.terminationGracePeriodSeconds > least)
  t.end()
})

t.test('Prometheus scrapes the ops port, and has the alerts of ops/monitoring', (t) => {
  const [monitor] = read('monitoring/service-monitor.yaml')
  const ops = read('base/services.yaml')[2]
  t.match(ops.metadata.labels, monitor.spec.selector.matchLabels)
  t.equal(monitor.spec.endpoints[0].port, ops.spec.ports[0].name)
  const [rule] = read('monitoring/prometheus-rule.yaml')
  t.same(rule.spec.groups, parse(ruleFile()).groups, 'run `npm run monitoring`')
  t.end()
})

t.test('preStop asks for something that operators can ask for', (t) => {
  const { command } = gatewayIn(read('base/gateways.yaml')[0]).lifecycle.preStop.exec
  const [, program = '', verb = ''] = /^node (\S+) (\S+);/.exec(command[2]) ?? []
  const told = spawnSync(process.execPath, [join(root, program), verb, '--help'])
  t.equal(told.status, 0, told.stderr.toString())
  t.end()
})
