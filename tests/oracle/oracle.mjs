// Answers each line of input, a request as JSON, with a line: what the resource policy decides, or the errors.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  const { policy, principal, action, resource, context } = JSON.parse(line)
  const answer = await runSimulation(
    {
      identityPolicies: [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policy,
      request: {
        principal,
        action,
        resource: { resource, accountId: resource.split(':')[4] },
        contextVariables: context
      }
    },
    {}
  )
  const { resultType, errors, result } = answer
  const told = resultType === 'error' ? { errors } : { result: result.analysis.resourceAnalysis.result, ignored: result.ignoredContextKeys }
  process.stdout.write(JSON.stringify(told) + '\n')
}
