"""The semantic cache around calls: what is near a question is looked up, what was answered is kept, and what would have been served is
compared with what the model said. What becomes of it is decided in `guardrails/semantic`.

    asking      a request's last question, and everything else it says, which must be the same
    vectors     a question as a vector, away from the loop: on a bounded line of workers, or by a call of the gateway's own
    store       questions with their answers, by everything else they said
    saying      the text that an answer is, in whatever dialect and shape it came
    shared      the same questions and answers for gateways of several machines
    comparing   whether two answers say the same: by their texts, else by a judge
    looking     one call's look, and what is kept and learned of it after its close
"""
