"""Calls of OpenAI's chat completions served by Anthropic's messages or Gemini's generateContent (docs/dialects.md).

Pure: bytes in, bytes out. What the other dialect has no words for is refused by name, never dropped.

    asked = request.translated(route, view, request, "anthropic")      what to send there, or why it cannot be said
    answer = answers.Answer("anthropic", …)                            what its caller gets of what comes back
"""
