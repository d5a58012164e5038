"""Programs of other people's packages, run in their own environment: `python programs.py NAME URL MODEL`.

Each prints what its client makes of an answer that is whole, one that is streamed, a tool's call with its result, and
one that satisfies a schema. Nothing here is a test, and nothing of ours is imported.
"""

import asyncio
import json
import sys

SONG = {"type": "object", "properties": {"title": {"type": "string"}, "bpm": {"type": "integer"}}}
SONG |= {"required": ["title", "bpm"], "additionalProperties": False}
PLAY = {
    "type": "function",
    "function": {
        "name": "play",
        "description": "Play a note.",
        "parameters": {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]},
    },
}


def litellm(url, model):
    import litellm

    def ask(messages, **options):
        known = {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": "a-token"}
        return litellm.completion(messages=messages, **known, **options)

    hi = [{"role": "user", "content": "hi"}]
    yield "plain", ask(hi).choices[0].message.content
    yield "streamed", "".join(chunk.choices[0].delta.content or "" for chunk in ask(hi, stream=True))
    called = ask(hi, tools=[PLAY]).choices[0].message
    call = called.tool_calls[0]
    yield "called", [call.function.name, json.loads(call.function.arguments)]
    result = {"role": "tool", "tool_call_id": call.id, "content": "played"}
    yield "result", ask([*hi, called.model_dump(exclude_none=True), result], tools=[PLAY]).choices[0].message.content
    form = {"type": "json_schema", "json_schema": {"name": "song", "schema": SONG, "strict": True}}
    yield "schema", json.loads(ask(hi, response_format=form).choices[0].message.content)
    known = {"api_base": f"{url}/v1", "api_key": "a-token"}
    yield (
        "completion",
        litellm.text_completion(model=f"text-completion-openai/{model}", prompt="hi", **known).choices[0].text,
    )
    answer = litellm.responses(model=f"openai/{model}", input="hi", **known)
    yield "responses", "".join(p.text for item in answer.output if item.type == "message" for p in item.content)
    answer = litellm.completion(model=f"anthropic/{model}", api_base=url, api_key="a-token", messages=hi)
    yield "anthropic", answer.choices[0].message.content


def langchain(url, model):
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from pydantic import BaseModel

    class Song(BaseModel):
        title: str
        bpm: int

    @tool
    def play(note: str) -> str:
        """Play a note."""
        return f"played {note}"

    chat = ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="a-token")
    yield "plain", chat.invoke("hi").text
    yield "streamed", "".join(chunk.text for chunk in chat.stream("hi"))
    bound, hi = chat.bind_tools([play]), HumanMessage("hi")
    called = bound.invoke([hi])
    call = called.tool_calls[0]
    yield "called", [call["name"], call["args"]]
    yield "result", bound.invoke([hi, called, ToolMessage("played", tool_call_id=call["id"])]).text
    yield "schema", chat.with_structured_output(Song).invoke("hi").model_dump()
    answer = ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="a-token", use_responses_api=True).invoke("hi")
    yield "responses", answer.text


def pydantic_ai(url, model):
    from pydantic import BaseModel
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    class Song(BaseModel):
        title: str
        bpm: int

    provider = OpenAIProvider(base_url=f"{url}/v1", api_key="a-token")
    chat, notes = OpenAIChatModel(model, provider=provider), []

    def play(note: str) -> str:
        """Play a note."""
        notes.append(note)
        return "played"

    async def streamed():
        async with Agent(chat).run_stream("hi") as answer:
            return "".join([text async for text in answer.stream_text(delta=True)])

    yield "plain", Agent(chat).run_sync("hi").output
    yield "streamed", asyncio.run(streamed())
    answer = Agent(chat, tools=[play]).run_sync("hi").output
    yield "called", ["play", {"note": notes[0]}]
    yield "result", answer
    yield "schema", Agent(chat, output_type=Song).run_sync("hi").output.model_dump()
    yield "responses", Agent(OpenAIResponsesModel(model, provider=provider)).run_sync("hi").output


def llama_index(url, model):
    from llama_index.core.llms import ChatMessage
    from llama_index.core.tools import FunctionTool
    from llama_index.llms.openai_like import OpenAILike
    from pydantic import BaseModel

    class Song(BaseModel):
        title: str
        bpm: int

    def play(note: str) -> str:
        """Play a note."""
        return f"played {note}"

    known = {"model": model, "api_base": f"{url}/v1", "api_key": "a-token"}
    yield "completion", OpenAILike(**known).complete("hi").text
    yield "completion streamed", "".join(chunk.delta for chunk in OpenAILike(**known).stream_complete("hi"))
    chat = OpenAILike(**known, is_chat_model=True, is_function_calling_model=True)
    yield "plain", chat.chat([ChatMessage("hi")]).message.content
    yield "streamed", "".join(chunk.delta or "" for chunk in chat.stream_chat([ChatMessage("hi")]))
    tools = [FunctionTool.from_defaults(play)]
    answer = chat.chat_with_tools(tools, user_msg="hi")
    call = chat.get_tool_calls_from_response(answer)[0]
    yield "called", [call.tool_name, call.tool_kwargs]
    result = ChatMessage(role="tool", content="played", additional_kwargs={"tool_call_id": call.tool_id})
    history = [ChatMessage("hi"), answer.message, result]
    yield "result", chat.chat_with_tools(tools, chat_history=history).message.content
    yield "schema", chat.as_structured_llm(Song).complete("hi").raw.model_dump()


PROGRAMS = {"litellm": litellm, "langchain": langchain, "pydantic_ai": pydantic_ai, "llama_index": llama_index}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(dict(PROGRAMS[sys.argv[1]](*sys.argv[2:]))))
