// OpenAI's own client for Node, unmodified: whole, streamed, tools, an error. Prints what it saw as one JSON document.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello to the auditors." }];
const model = "gpt-4o-mini";

const whole = await client.chat.completions.create({ model, messages });
let streamed = "";
for await (const piece of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += piece.choices[0].delta.content ?? "";
}
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];
const called = await client.chat.completions.create({ model, messages, tools, tool_choice: "required" });
const response = await client.responses.create({ model: "gpt-5-mini", input: "Name three rivers." });
const errors = [];
for (const [name, key] of [["gpt-4o-mini+status=429", process.env.KEY], [model, "flk_wrong"]]) {
  try {
    await client.withOptions({ apiKey: key }).chat.completions.create({ model: name, messages });
  } catch (error) {
    errors.push(error.constructor.name);
  }
}
console.log(JSON.stringify({
  whole: whole.choices[0].message.content,
  usage: whole.usage,
  streamed,
  tool: called.choices[0].message.tool_calls[0].function.name,
  response: response.output_text,
  errors,
}));
