export const HTTP_CLIENT = new URL('http-client.mjs', import.meta.url)

/** A load's figures, with the CPU time that `server`, the process that it is put on, takes for a request. */
export async function sampleHttp(client, server, load) {
  const beforeUs = await server.call('cpuUs')
  const sample = await client.call('load', load)
  const afterUs = await server.call('cpuUs')
  return { ...sample, cpuUs: (afterUs - beforeUs) / load.requests }
}
