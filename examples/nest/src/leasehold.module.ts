import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ElectionNode, LeaseholdError } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  consistentReads,
  gracefulShutdown,
  routeWrites,
} from '@leasehold/express'
import {
  type ArgumentsHost,
  type BeforeApplicationShutdown,
  Catch,
  type DynamicModule,
  type ExceptionFilter,
  Inject,
  Injectable,
  Module,
  type OnModuleInit,
} from '@nestjs/common'
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core'
import type { Request, Response } from 'express'

/** The node, for whoever writes and reads: `@Inject(LEASEHOLD_NODE) node`. */
export const LEASEHOLD_NODE = Symbol('LEASEHOLD_NODE')

/** Starts the node once the server listens, so that others reach it from the moment it leads, and stops it before that closes. */
@Injectable()
export class Leasehold implements OnModuleInit, BeforeApplicationShutdown {
  readonly #node: ElectionNode
  readonly #host: HttpAdapterHost
  #ready: (started: Promise<void>) => void = () => {}
  /** Resolves when this instance has joined its group; rejects with what `node.start()` says. */
  readonly ready = new Promise<void>((resolve) => {
    this.#ready = resolve
  })

  constructor(@Inject(LEASEHOLD_NODE) node: ElectionNode, @Inject(HttpAdapterHost) host: HttpAdapterHost) {
    this.#node = node
    this.#host = host
    // Nest makes its body parsers when it initializes the app, and its providers before that. So these come first, and bodies
    // pass byte for byte; what a module configures as its middleware comes behind the parsers.
    const { httpAdapter } = host
    httpAdapter.use('/cluster', clusterRouter(node))
    httpAdapter.use(routeWrites(node))
    httpAdapter.use(consistentReads(node))
  }

  onModuleInit(): void {
    const server = this.#host.httpAdapter.getHttpServer() as Server
    gracefulShutdown(server, this.#node)
    server.once('listening', () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      this.#node.setUrl(url, url)
      this.#ready(this.#node.start())
    })
  }

  /** Leadership is handed over while requests are still served. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#node.stop()
  }
}

/** Nest answers what a controller throws by itself, so the adapter's errors get their status here. */
@Catch(LeaseholdError)
export class LeaseholdErrors implements ExceptionFilter<LeaseholdError> {
  readonly #node: ElectionNode

  constructor(@Inject(LEASEHOLD_NODE) node: ElectionNode) {
    this.#node = node
  }

  catch(error: LeaseholdError, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const [req, res] = [http.getRequest<Request>(), http.getResponse<Response>()]
    clusterErrors(this.#node)(error, req, res, () => res.destroy())
  }
}

/** Makes an app an instance of a group: import it once, in the app's root module. */
@Module({})
export class LeaseholdModule {
  static forRoot(node: ElectionNode): DynamicModule {
    return {
      module: LeaseholdModule,
      global: true,
      providers: [
        { provide: LEASEHOLD_NODE, useValue: node },
        { provide: APP_FILTER, useClass: LeaseholdErrors },
        Leasehold,
      ],
      exports: [LEASEHOLD_NODE, Leasehold],
    }
  }
}
