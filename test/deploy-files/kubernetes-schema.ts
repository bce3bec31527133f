import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'

/** Any object of a manifest. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly [field: string]: unknown
}

type Model = new () => { validate(): void }

/** The schemas of Kubernetes itself, as a package brings them. */
const MODELS: Record<string, Model> = {
  'apps/v1 Deployment': Deployment,
  'apps/v1 StatefulSet': StatefulSet,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 Secret': Secret,
  'v1 Service': Service,
}

/** What a Kubernetes server would refuse about an object by its schema alone, unknown fields included. */
export function schemaProblems(manifest: Manifest): string[] {
  const what = `${manifest.apiVersion} ${manifest.kind}`
  const Model = MODELS[what]
  if (!Model) return [`nobody knows ${what}`]
  const watch = new Watch()
  // The model copies what it is made of; what is set afterwards stays as it is.
  const model = Object.assign(new Model(), watch.fieldsOf(manifest))
  try {
    model.validate()
  } catch (error) {
    return [(error as Error).message]
  }
  return Object.entries(manifest).flatMap(([field, value]) => watch.unread(value, `${what}/${field}`))
}

/**
 * The schemas let unknown fields pass, a server that is asked to be strict does not. A validator reads every field that its
 * schema has, so those that it has not read are in none.
 */
class Watch {
  readonly #proxies = new Map<object, object>()
  readonly #read = new Map<object, Set<PropertyKey>>()

  fieldsOf(object: object): object {
    return Object.fromEntries(Object.entries(object).map(([field, value]) => [field, this.#watched(value)]))
  }

  unread(value: unknown, path: string): string[] {
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).flatMap(([field, inner]) =>
      this.#read.get(value)?.has(field)
        ? this.unread(inner, `${path}/${field}`)
        : [`${path}/${field}: there is no such field`],
    )
  }

  #watched(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const known = this.#proxies.get(value)
    if (known) return known
    const read = new Set<PropertyKey>()
    const proxy = new Proxy(value, {
      get: (target, field) => {
        read.add(field)
        return this.#watched(Reflect.get(target, field))
      },
    })
    this.#read.set(value, read)
    this.#proxies.set(value, proxy)
    return proxy
  }
}
