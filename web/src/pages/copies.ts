/** The same question as a command, as curl, and as Python. */

export interface Settings {
  prompt: string;
  system: string;
  temperature: string;
  max_tokens: string;
  effort: string;
  cache: string;
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

export function asAsk(settings: Settings, model: string): string {
  const words = ["samplemind", "ask"];
  const [, task = "", priority = ""] = model.split(":");
  if (!/^auto(:|$)/.test(model)) words.push("-m", quoted(model));
  else if (task) words.push("-t", task, ...(priority ? ["-p", priority] : []));
  if (settings.system) words.push("-s", quoted(settings.system));
  if (settings.temperature) words.push("--temperature", settings.temperature);
  if (settings.max_tokens) words.push("--max-tokens", settings.max_tokens);
  if (settings.effort) words.push("--effort", settings.effort);
  if (settings.cache === "refresh") words.push("--refresh");
  if (settings.cache === "off") words.push("--no-cache");
  return [...words, "--", quoted(settings.prompt)].join(" ");
}

const HEADERS: Record<string, string> = { refresh: "no-cache", off: "no-store" };

function body(settings: Settings, model: string) {
  const system = settings.system ? [{ role: "system", content: settings.system }] : [];
  return {
    model,
    messages: [...system, { role: "user", content: settings.prompt }],
    ...(settings.temperature ? { temperature: Number(settings.temperature) } : {}),
    ...(settings.max_tokens ? { max_tokens: Number(settings.max_tokens) } : {}),
    ...(settings.effort ? { reasoning_effort: settings.effort } : {}),
  };
}

export function asCurl(settings: Settings, model: string): string {
  const cache = HEADERS[settings.cache];
  return [
    `curl ${location.origin}/v1/chat/completions`,
    "-H 'content-type: application/json'",
    '-H "authorization: Bearer $SAMPLEMIND_API_TOKEN"',
    ...(cache ? [`-H 'cache-control: ${cache}'`] : []),
    `-d ${quoted(JSON.stringify(body(settings, model)))}`,
  ].join(" \\\n  ");
}

export function asPython(settings: Settings, model: string): string {
  const asked = body(settings, model);
  const cache = HEADERS[settings.cache];
  const more = [
    ...(asked.temperature === undefined ? [] : [`    temperature=${asked.temperature},`]),
    ...(asked.max_tokens === undefined ? [] : [`    max_tokens=${asked.max_tokens},`]),
    ...(asked.reasoning_effort ? [`    reasoning_effort="${asked.reasoning_effort}",`] : []),
    ...(cache ? [`    extra_headers={"cache-control": "${cache}"},`] : []),
  ];
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${location.origin}/v1", api_key=os.environ.get("SAMPLEMIND_API_TOKEN", "unused"))`,
    "answer = client.chat.completions.create(",
    `    model=${JSON.stringify(asked.model)},`,
    `    messages=${JSON.stringify(asked.messages)},`,
    ...more,
    ")",
    "print(answer.choices[0].message.content)",
  ].join("\n");
}
