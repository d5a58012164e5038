"""The record of all calls: prompts, answers, clients, costs, savings; one SQLite file in the state folder."""
