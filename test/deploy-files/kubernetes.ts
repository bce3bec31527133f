import { parseAllDocuments } from 'yaml'
import { type Manifest, schemaProblems } from './kubernetes-schema.js'

type Labels = Readonly<Record<string, string>>
interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number }
  readonly tcpSocket?: { readonly port: string | number }
}
interface Container {
  readonly name: string
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly env?: readonly {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } }
  }[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } }
  readonly volumeMounts?: readonly { readonly name: string }[]
}
interface Workload extends Manifest {
  readonly spec: {
    readonly replicas: number
    readonly selector: { readonly matchLabels: Labels }
    readonly serviceName?: string
    readonly template: {
      readonly metadata: { readonly labels: Labels }
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly containers: readonly Container[]
      }
    }
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
  }
}

/** What the checks have to know of the app that runs there. */
export interface App {
  /** Paths that answer probes. */
  readonly probes: readonly string[]
  /** After how long `gracefulShutdown` cuts what is left. */
  readonly deadlineMs: number
}

/** Reads manifests strictly: duplicate keys and other doubtful YAML are errors. */
export function readManifests(texts: readonly string[]): Manifest[] {
  return texts.flatMap((text) =>
    parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
      const [problem] = [...document.errors, ...document.warnings]
      if (problem) throw problem
      return document.toJS() as Manifest
    }),
  )
}

/** What is wrong with manifests, each by itself and together; empty if nothing is. */
export function problemsOf(manifests: readonly Manifest[], app: App): string[] {
  const schema = manifests.flatMap(schemaProblems)
  if (schema.length > 0) return schema
  const workloads = manifests.filter(
    ({ kind }) => kind === 'Deployment' || kind === 'StatefulSet',
  ) as Workload[]
  return [
    ...workloads.flatMap((workload) => [
      ...selectsItself(workload),
      ...probesAnswer(workload, app),
      ...graceSuffices(workload, app),
      ...namesExist(workload, manifests),
    ]),
    ...selectorsOf(manifests).flatMap((selector) => selectsSomething(selector, workloads)),
  ]
}

const podsOf = ({ spec }: Workload) => spec.template.spec
const isIn = (labels: Labels, wanted: Labels) =>
  Object.entries(wanted).every(([name, value]) => labels[name] === value)

function selectsItself({ kind, metadata, spec }: Workload): string[] {
  if (isIn(spec.template.metadata.labels, spec.selector.matchLabels)) return []
  return [`${kind} ${metadata.name} does not select its own pods`]
}

function probesAnswer(workload: Workload, { probes }: App): string[] {
  return podsOf(workload).containers.flatMap((container) => {
    const ports = new Set((container.ports ?? []).flatMap(({ name, containerPort }) => [name, containerPort]))
    const all = { ...container } as Record<string, Probe | undefined>
    return ['startupProbe', 'livenessProbe', 'readinessProbe'].flatMap((name) => {
      const where = `${container.name}: ${name}`
      const probe = all[name]
      if (!probe) return [`${where} is missing`]
      const asked = probe.httpGet ?? probe.tcpSocket
      if (!asked) return []
      return [
        ...(ports.has(asked.port)
          ? []
          : [`${where} asks port ${asked.port}, which the container does not have`]),
        ...(probe.httpGet && !probes.includes(probe.httpGet.path)
          ? [`${where} asks ${probe.httpGet.path}, which nothing answers`]
          : []),
      ]
    })
  })
}

/** An app that is told to stop must come to its end before it is killed. */
function graceSuffices(workload: Workload, { deadlineMs }: App): string[] {
  if (workload.kind !== 'Deployment') return []
  const { terminationGracePeriodSeconds, containers } = podsOf(workload)
  return containers.flatMap(({ name, lifecycle }) => {
    const pauseMs = (lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000
    if (pauseMs === 0) return [`${name} has no preStop: it stops while it still gets requests`]
    const neededMs = pauseMs + deadlineMs
    if (terminationGracePeriodSeconds * 1000 > neededMs) return []
    return [`${name} is killed after ${terminationGracePeriodSeconds} s, but may need ${neededMs / 1000} s`]
  })
}

/** Secrets, Services and volumes that a workload names. */
function namesExist(workload: Workload, manifests: readonly Manifest[]): string[] {
  const named = (kind: string, name: string) =>
    manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)
  const problems: string[] = []
  const { serviceName, volumeClaimTemplates = [] } = workload.spec
  if (serviceName !== undefined && !named('Service', serviceName))
    problems.push(`there is no Service ${serviceName}`)
  for (const { name, env = [], volumeMounts = [] } of podsOf(workload).containers) {
    for (const { value = '', valueFrom, name: variable } of env) {
      const { name: secret, key } = valueFrom?.secretKeyRef ?? {}
      const data =
        secret === undefined ? undefined : (named('Secret', secret)?.['stringData'] as object | undefined)
      if (secret !== undefined && !(data && key !== undefined && Object.hasOwn(data, key)))
        problems.push(`${name}: there is no ${key} in a Secret ${secret}`)
      for (const [, used] of value.matchAll(/\$\((\w+)\)/g)) {
        const at = (wanted = '') => env.findIndex((one) => one.name === wanted)
        const [own, other] = [at(variable), at(used)]
        if (other === -1 || other > own) problems.push(`${name}: ${variable} uses ${used} before it is set`)
      }
      const host = /^redis:\/\/[^@]*@([\w-]+):/.exec(value)?.[1]
      if (host !== undefined && !named('Service', host)) problems.push(`${name}: there is no Service ${host}`)
    }
    for (const mount of volumeMounts) {
      if (!volumeClaimTemplates.some(({ metadata }) => metadata.name === mount.name))
        problems.push(`${name}: there is no volume ${mount.name}`)
    }
  }
  return problems
}

interface Selector {
  readonly of: string
  readonly labels: Labels
  readonly ports: readonly (string | number)[]
}

function selectorsOf(manifests: readonly Manifest[]): Selector[] {
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const of = `${kind} ${metadata.name}`
    if (kind === 'Service') {
      const { selector, ports } = spec as { selector: Labels; ports: { targetPort: string | number }[] }
      return [{ of, labels: selector, ports: ports.map(({ targetPort }) => targetPort) }]
    }
    if (kind === 'PodDisruptionBudget') {
      return [{ of, labels: (spec as Workload['spec']).selector.matchLabels, ports: [] }]
    }
    if (kind !== 'NetworkPolicy') return []
    const { podSelector, ingress } = spec as {
      podSelector: { matchLabels: Labels }
      ingress: { from: { podSelector: { matchLabels: Labels } }[]; ports: { port: string | number }[] }[]
    }
    return [
      {
        of,
        labels: podSelector.matchLabels,
        ports: ingress.flatMap(({ ports }) => ports.map(({ port }) => port)),
      },
      ...ingress.flatMap(({ from }) =>
        from
          .map((source) => ({ of, labels: source.podSelector.matchLabels, ports: [] }))
          .filter(({ labels }) => !isIn(labels, OPERATOR)),
      ),
    ]
  })
}

/** Of pods that people start by hand: no workload has them. */
export const OPERATOR: Labels = { 'leasehold-operator': 'true' }

function selectsSomething({ of, labels, ports }: Selector, workloads: readonly Workload[]): string[] {
  const pods = workloads.filter(({ spec }) => isIn(spec.template.metadata.labels, labels))
  if (pods.length !== 1) return [`${of} selects the pods of ${pods.length} workloads`]
  const open = pods.flatMap((workload) =>
    podsOf(workload).containers.flatMap((container) =>
      (container.ports ?? []).flatMap(({ name, containerPort }) => [name, containerPort]),
    ),
  )
  return ports.filter((port) => !open.includes(port)).map((port) => `${of}: no pod has port ${port}`)
}
