"""The dialects: where a request goes, what of it is read, what is changed on its way, and how an error looks (docs/dialects.md).

Pure: bytes and values in, bytes and values out. The pipeline calls, in this order: `routes.route`, `body.view`,
`forward.outgoing`, and then `streams.stream_edit` for the answer or `errors.error_body` instead of one.
"""
