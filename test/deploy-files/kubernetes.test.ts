import { parse } from 'yaml'
import { filesIn, textOf } from '../structure/source-files.js'
import { OPERATOR, problemsOf, readManifests } from './kubernetes.js'
import { SHUTDOWN_DEADLINE_MS, HEALTH_PATHS } from './app-facts.js'

const files = filesIn('deploy/kubernetes', '.yaml').filter(({ path }) => !path.endsWith('kustomization.yaml'))
const app = { probes: HEALTH_PATHS, deadlineMs: SHUTDOWN_DEADLINE_MS }

const problemsWith = (change: (text: string) => string) =>
  problemsOf(readManifests(files.map(({ text }) => change(text))), app)

test('the manifests are what a server takes, and fit together', () => {
  expect(files.map(({ path }) => path.split('/').at(-1) ?? '').toSorted()).toEqual([
    'app.yaml',
    'network-policy.yaml',
    'redis.yaml',
    'secret.yaml',
  ])
  expect(problemsWith((text) => text)).toEqual([])
})

test('the docs start an operator with the label that the network policy lets in', () => {
  const [label] = Object.entries(OPERATOR).map(([name, value]) => `${name}=${value}`)
  expect(textOf('docs/deploying.md')).toContain(`--labels=${label}`)
  expect(textOf('deploy/kubernetes/network-policy.yaml')).toMatch(/leasehold-operator: 'true'/)
})

test('kustomize names all of them but the secret, which is not to be applied as it stands', () => {
  const { resources } = parse(textOf('deploy/kubernetes/kustomization.yaml') ?? '') as { resources: string[] }
  expect(resources.toSorted()).toEqual(['app.yaml', 'network-policy.yaml', 'redis.yaml'])
})

/** A fault that somebody might make, and what is said about it. */
const FAULTS: [string, string | RegExp, string, RegExp][] = [
  [
    'a misspelled field',
    'failureThreshold: 60',
    'failureTreshold: 60',
    /startupProbe\/failureTreshold: there is no such field/,
  ],
  ['a wrong type', 'replicas: 3', "replicas: '3'", /replicas must be integer/],
  [
    'a missing field',
    /selector:\n {4}matchLabels:\n {6}app: kv\n {2}template/,
    'template',
    /required property selector/,
  ],
  ['another API', 'apiVersion: policy/v1', 'apiVersion: policy/v1beta1', /nobody knows policy\/v1beta1/],
  [
    'labels that nobody selects',
    /labels:\n {8}app: kv\n/,
    'labels:\n        app: vk\n',
    /Deployment kv does not select its own pods/,
  ],
  [
    'a probe of another port',
    'port: http\n            periodSeconds: 1',
    'port: web\n            periodSeconds: 1',
    /startupProbe asks port web/,
  ],
  [
    'a probe of another path',
    'path: /cluster/readyz',
    'path: /cluster/ready',
    /readinessProbe asks \/cluster\/ready, which/,
  ],
  ['no preStop', /lifecycle:[\s\S]*?seconds: 5\n {10}/, '', /kv has no preStop/],
  [
    'too little grace',
    'terminationGracePeriodSeconds: 30',
    'terminationGracePeriodSeconds: 15',
    /killed after 15 s, but may need 15 s/,
  ],
  ['a Service for another port', 'targetPort: http', 'targetPort: web', /Service kv: no pod has port web/],
  ['another Redis', '@kv-redis:6379', '@redis:6379', /there is no Service redis/],
  ['a secret that is not there', 'key: password', 'key: pass', /there is no pass in a Secret kv-redis/],
  [
    'a variable that is not there',
    '$(REDIS_PASSWORD)@',
    '$(PASSWORD)@',
    /REDIS_URL uses PASSWORD before it is set/,
  ],
  [
    'a volume that is not there',
    '- name: data\n              mountPath',
    '- name: date\n              mountPath',
    /there is no volume date/,
  ],
]

test.each(FAULTS)('%s is found', (_, what, by, said) => {
  let changes = 0
  const problems = problemsWith((text) => {
    const changed = text.replace(what, by)
    if (changed !== text) changes++
    return changed
  })
  expect(changes).toBeGreaterThan(0)
  expect(problems.join('\n')).toMatch(said)
})

test('a key that stands twice is found', () => {
  expect(() => problemsWith((text) => text.replace('replicas: 3', 'replicas: 3\n  replicas: 4'))).toThrow(
    /unique/,
  )
})
