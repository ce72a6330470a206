// Answers each line of input, a workflow as JSON, with a line: what the validator has against it.
import { createInterface } from 'node:readline'
import validate from 'asl-validator'

for await (const line of createInterface({ input: process.stdin })) {
  const { isValid, errors } = validate(JSON.parse(line), { checkPaths: true, checkArn: true })
  process.stdout.write(JSON.stringify(isValid ? [] : errors) + '\n')
}
