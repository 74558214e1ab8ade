"""Messages on their way out: chat, pagers, mail, webhooks."""
