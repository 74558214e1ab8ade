"""The control process's face: pages for people, the same figures as JSON, CSV and Parquet, and the API.

    pages/NAME.py   View: parameters → Shown, made of blocks      ACTIONS: what a page can do
            ▼
    view.py         one view, five faces: HTML, its JSON twin, /api/v1, CSV, Parquet
            ▼
    http.py         Route: method, path, rule, answer; every one says who may ask it
            ▼
    app.py          Starlette: matches the route, knows who asks, compares with the rule, answers from a thread

A page computes nothing: its figures come from the functions that `floorline margin` and the other commands print.
"""
