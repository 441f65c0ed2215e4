"""What is missing is said before anything runs, all of it at once, each with what to do."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from duress.inspect.preflight import STAND_IN, Missing, preflight
from servers.behaviours import EMPTY, always
from servers.server import Server

Python = Callable[..., subprocess.CompletedProcess[str]]
Preflights = Callable[..., list[list[tuple[str, str, str]]]]

# Every provider that Inspect ships: the model asked for, what an empty environment lacks, what sets it.
EMPTY_ENVIRONMENT = {
    "anthropic/claude-x": [("ANTHROPIC_API_KEY is not set", "export ANTHROPIC_API_KEY=...")],
    "openai/gpt-x": [("OPENAI_API_KEY is not set", "export OPENAI_API_KEY=...")],
    "openai-api/local/m": [
        (
            "LOCAL_BASE_URL is not set",
            "export LOCAL_BASE_URL=https://..., or --base-url URL "
            "(and export LOCAL_API_KEY=... if the server asks for a key)",
        )
    ],
    "google/gemini-x": [
        ("the package google-genai is not installed", "pip install google-genai"),
        ("GOOGLE_API_KEY or GEMINI_API_KEY is not set", "export GOOGLE_API_KEY=..."),
    ],
    "groq/x": [
        ("the package groq is not installed", "pip install groq"),
        ("GROQ_API_KEY is not set", "export GROQ_API_KEY=..."),
    ],
    "mistral/x": [
        ("the package mistralai is not installed", "pip install mistralai"),
        ("MISTRAL_API_KEY is not set", "export MISTRAL_API_KEY=..."),
    ],
    "grok/x": [
        ("the package xai_sdk is not installed", "pip install xai_sdk"),
        ("XAI_API_KEY or GROK_API_KEY is not set", "export XAI_API_KEY=..."),
    ],
    "azureai/x": [
        ("the package azure-ai-inference is not installed", "pip install azure-ai-inference"),
        ("AZURE_API_KEY or AZUREAI_API_KEY is not set", "export AZURE_API_KEY=..."),
    ],
    "cloudflare/x": [
        ("CLOUDFLARE_ACCOUNT_ID is not set", "export CLOUDFLARE_ACCOUNT_ID=..."),
        ("CLOUDFLARE_API_KEY or CLOUDFLARE_API_TOKEN is not set", "export CLOUDFLARE_API_KEY=..."),
    ],
    "together/x": [("TOGETHER_API_KEY is not set", "export TOGETHER_API_KEY=...")],
    "fireworks/x": [("FIREWORKS_API_KEY is not set", "export FIREWORKS_API_KEY=...")],
    "moonshot/x": [("MOONSHOT_API_KEY is not set", "export MOONSHOT_API_KEY=...")],
    "meta/x": [("META_API_KEY or MODEL_API_KEY is not set", "export META_API_KEY=...")],
    "deepseek/x": [("DEEPSEEK_API_KEY is not set", "export DEEPSEEK_API_KEY=...")],
    "sambanova/x": [("SAMBANOVA_API_KEY is not set", "export SAMBANOVA_API_KEY=...")],
    "openrouter/a/x": [("OPENROUTER_API_KEY is not set", "export OPENROUTER_API_KEY=...")],
    "perplexity/x": [("PERPLEXITY_API_KEY is not set", "export PERPLEXITY_API_KEY=...")],
    "hf-inference-providers/a/x": [("HF_TOKEN is not set", "export HF_TOKEN=...")],
    "litellm-proxy/x": [
        (
            "LITELLM_PROXY_BASE_URL or LITELLM_PROXY_API_BASE or LITELLM_BASE_URL is not set",
            "export LITELLM_PROXY_BASE_URL=https://..., or --base-url URL",
        ),
        ("LITELLM_API_KEY or LITELLM_PROXY_API_KEY is not set", "export LITELLM_API_KEY=..."),
    ],
    "bedrock/x": [
        (
            "no credentials for AWS were found",
            "aws configure, or export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...",
        ),
        ("no AWS region is set", "export AWS_DEFAULT_REGION=... (where the model is)"),
    ],
    "sagemaker/x": [
        (
            "no credentials for AWS were found",
            "aws configure, or export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...",
        ),
        ("no AWS region is set", "export AWS_DEFAULT_REGION=... (where the model is)"),
    ],
    "hf/x": [
        (
            "the packages torch, transformers, accelerate are not installed",
            "pip install torch transformers accelerate",
        )
    ],
    "transformer_lens/x": [("the package transformer_lens is not installed", "pip install transformer_lens")],
    "nnterp/x": [("the package nnterp is not installed", "pip install nnterp")],
    "vllm/x": [
        (
            "the package vllm is not installed",
            "pip install vllm, or --base-url URL of a running server (VLLM_BASE_URL)",
        )
    ],
    "sglang/x": [
        (
            "the package sglang is not installed",
            "pip install sglang, or --base-url URL of a running server (SGLANG_BASE_URL)",
        )
    ],
    "mockllm/model": [],
    "none/none": [("'none/none' names no model", "--model PROVIDER/MODEL")],
}
EMPTY_ENVIRONMENT |= {
    "openai-api-completions/local/m": EMPTY_ENVIRONMENT["openai-api/local/m"],
    "vllm-completions/x": EMPTY_ENVIRONMENT["vllm/x"],
    "openai/azure/x": [
        (
            "AZURE_OPENAI_API_KEY or AZUREAI_OPENAI_API_KEY is not set",
            "export AZURE_OPENAI_API_KEY=..., or pip install azure-identity and sign in to Azure",
        ),
        (
            "AZUREAI_OPENAI_BASE_URL is not set",
            "export AZUREAI_OPENAI_BASE_URL=https://..., or --base-url URL",
        ),
    ],
    "anthropic/azure/x": [
        (
            "AZUREAI_ANTHROPIC_BASE_URL is not set",
            "export AZUREAI_ANTHROPIC_BASE_URL=https://..., or --base-url URL",
        ),
        (
            "AZUREAI_ANTHROPIC_API_KEY or AZURE_ANTHROPIC_API_KEY is not set",
            "export AZUREAI_ANTHROPIC_API_KEY=...",
        ),
    ],
}
# Two providers take their server's usual address for granted: what they lack depends on what runs here.
LOCAL = {"ollama", "llama-cpp-python"}
OPTIONAL = (
    "groq",
    "mistralai",
    "google",
    "xai_sdk",
    "azure",
    "torch",
    "vllm",
    "sglang",
    "nnterp",
    "transformers",
)
OPTIONAL += ("accelerate", "transformer_lens")


def test_every_provider_of_inspect_says_all_that_an_empty_environment_lacks(preflights: Preflights) -> None:
    found = preflights(*({"models": [m]} for m in EMPTY_ENVIRONMENT), without=OPTIONAL)
    told = {
        model: [(what, fix) for what, _, fix in lacks]
        for model, lacks in zip(EMPTY_ENVIRONMENT, found, strict=True)
    }
    assert told == EMPTY_ENVIRONMENT


def test_no_provider_that_inspect_ships_is_left_out() -> None:
    import inspect_ai.model  # noqa: F401
    from inspect_ai._util.registry import registry_find, registry_info

    shipped = {registry_info(one).name for one in registry_find(lambda info: info.type == "modelapi")}
    known = {name.removeprefix("inspect_ai/") for name in shipped if name.startswith("inspect_ai/")}
    assert known == {model.partition("/")[0] for model in EMPTY_ENVIRONMENT} | LOCAL


def test_packages_and_keys_of_all_models_and_the_judge_are_said_at_once(preflights: Preflights) -> None:
    # A judge of another house than the models, behind the same client.
    judge = "openrouter/b/y"
    asked = {"models": ["openai/gpt-x", "anthropic/claude-x", "openrouter/a/x"], "judge": judge}
    (found,) = preflights(asked, without=("openai", "anthropic"))
    models = f"--model openai/gpt-x, --model openrouter/a/x, --judge {judge}"
    assert found == [
        ("the package openai is not installed", models, "pip install 'duress[openai]'"),
        ("OPENAI_API_KEY is not set", "--model openai/gpt-x", "export OPENAI_API_KEY=..."),
        (
            "the package anthropic is not installed",
            "--model anthropic/claude-x",
            "pip install 'duress[anthropic]'",
        ),
        ("ANTHROPIC_API_KEY is not set", "--model anthropic/claude-x", "export ANTHROPIC_API_KEY=..."),
        (
            "OPENROUTER_API_KEY is not set",
            f"--model openrouter/a/x, --judge {judge}",
            "export OPENROUTER_API_KEY=...",
        ),
    ]


def test_without_inspect_the_extra_that_brings_it_is_named(preflights: Preflights) -> None:
    found = preflights(
        {"models": ["anthropic/claude-x"], "judge": "openai/gpt-x"},
        {"models": ["groq/x"]},
        {"models": ["reference/loyal"]},
        {"models": ["reference/loyal"], "inspect": False},
        without=("inspect_ai",),
    )
    what = "Inspect (the package inspect_ai) is not installed"
    assert found == [
        [
            (
                what,
                "--model anthropic/claude-x, --judge openai/gpt-x",
                "pip install 'duress[anthropic,openai]'",
            )
        ],
        [(what, "--model groq/x", "pip install 'duress[bench]'")],
        [(what, "--model reference/loyal", "pip install 'duress[bench]'")],
        [],
    ]


def test_importing_the_preflight_does_not_import_inspect(python: Python) -> None:
    done = python("import sys, duress.inspect.preflight; print('inspect_ai' in sys.modules)")
    assert done.stdout == "False\n"


def test_a_client_that_is_too_old_is_named_with_the_version_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Only the version that a package reports of itself is asked for, so that is what is old here.
    old = tmp_path / "anthropic-1.0.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: anthropic\nVersion: 1.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = preflight(["anthropic/claude-x"])
    assert [lack.fix for lack in found] == ["pip install --upgrade anthropic", "export ANTHROPIC_API_KEY=..."]
    assert found[0].what.startswith("Anthropic API requires at least version 2.0.0 of package anthropic")


def test_keys_in_a_dotenv_file_count_since_inspect_reads_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(preflight(["moonshot/x"])) == 1
    (tmp_path / ".env").write_text("MOONSHOT_API_KEY=k\n")
    assert preflight(["moonshot/x"]) == []


@pytest.mark.parametrize(
    ("model", "what", "fix"),
    [
        ("gpt-5", "'gpt-5' names no provider", "--model openai/gpt-5"),
        ("claude-sonnet-5", "'claude-sonnet-5' names no provider", "--model anthropic/claude-sonnet-5"),
        ("antropic/claude-x", "no provider 'antropic'", "--model anthropic/claude-x"),
        ("openai-api/m", "'openai-api/m' names no server", "--model openai-api/NAME/m"),
        ("reference/loyall", "no reference agent 'loyall'", "--model reference/loyal"),
        ("openai/", "'openai/' names no model", "--model PROVIDER/MODEL"),
    ],
)
def test_a_name_that_is_not_known_comes_with_the_one_that_was_meant(model: str, what: str, fix: str) -> None:
    (lack,) = preflight([model])
    assert (lack.what, lack.where) == (what, f"--model {model}")
    assert lack.fix.startswith(fix)


def test_what_the_judge_lacks_is_to_be_set_with_its_own_option() -> None:
    (lack,) = preflight([], "antropic/claude-x")
    assert lack == Missing(
        "no provider 'antropic'", "--judge antropic/claude-x", "--judge anthropic/claude-x"
    )


def test_a_server_without_keys_needs_none_and_is_not_asked_for_a_reply() -> None:
    with Server(always(EMPTY), models=["m"]) as server:
        assert preflight(["openai-api/local/m"], base_url=server.v1) == []
    assert server.paths == ["GET /v1/models"]


def test_a_server_that_wants_a_key_is_told_from_one_that_does_not_like_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server(always(EMPTY), models=["m"], key="right") as server:
        (lack,) = preflight(["openai-api/my-box/m"], base_url=server.v1)
        assert lack.what == f"{server.v1} asks for a key, and MY_BOX_API_KEY is not set"
        assert lack.fix == "export MY_BOX_API_KEY=..."
        monkeypatch.setenv("MY_BOX_API_KEY", "wrong")
        (lack,) = preflight(["openai-api/my-box/m"], base_url=server.v1)
        assert lack.what == f"{server.v1} does not accept the key in MY_BOX_API_KEY"
        monkeypatch.setenv("MY_BOX_API_KEY", "right")
        assert preflight(["openai-api/my-box/m"], base_url=server.v1) == []


def test_the_stand_in_key_is_only_for_servers_of_ones_own_that_ask_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server(always(EMPTY), models=["m"]) as open_server, Server(always(EMPTY), key="k") as locked:
        assert preflight(["openai-api/locked/m"], base_url=locked.v1) != []
        assert preflight(["openai/m"], base_url=open_server.v1) != []
        assert preflight(["openai-api/local/m", "openai-api/local/n"], base_url=open_server.v1) != []
        assert not {"LOCKED_API_KEY", "OPENAI_API_KEY", "LOCAL_API_KEY"} & set(os.environ)
        assert preflight(["openai-api/local/m"], base_url=open_server.v1) == []
        assert os.environ["LOCAL_API_KEY"] == STAND_IN
        monkeypatch.setenv("LOCAL_API_KEY", "mine")
        assert preflight(["openai-api/local/m"], base_url=open_server.v1) == []
        assert os.environ["LOCAL_API_KEY"] == "mine"


def test_a_model_the_server_does_not_have_comes_with_those_that_are_close() -> None:
    with Server(always(EMPTY), models=["qwen3:8b", "qwen3:32b", "llama3.1:latest", "qwen3"]) as server:
        (lack,) = preflight(["openai-api/local/qwen3:80b"], base_url=server.v1)
        assert lack.what == f"no model 'qwen3:80b' at {server.v1}"
        assert "--model openai-api/local/qwen3:8b" in lack.fix
        (far,) = preflight(["openai-api/local/zzz"], base_url=server.v1)
        assert far.fix == "choose one of qwen3:8b, qwen3:32b, llama3.1:latest, qwen3"
        assert preflight(["openai-api/local/llama3.1"], base_url=server.v1) == []
        assert preflight(["ollama/llama3.1"], base_url=server.v1) == []
        assert preflight(["vllm/qwen3"], base_url=server.v1) == []


def test_the_real_clients_of_openai_and_anthropic_are_asked_for_their_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server(always(EMPTY), models=["gpt-x", "claude-x"], key="right") as server:
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
        monkeypatch.setenv("OPENAI_BASE_URL", server.v1)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        found = preflight(["openai/gpt-x", "openai/gpt-z", "anthropic/claude-x"])
        assert [(lack.what, lack.where) for lack in found] == [
            (f"no model 'gpt-z' at {server.v1}", "--model openai/gpt-z"),
            (f"{server.root} does not accept the key in ANTHROPIC_API_KEY", "--model anthropic/claude-x"),
        ]
        monkeypatch.setenv("ANTHROPIC_API_KEY", "right")
        assert preflight(["anthropic/claude-x"]) == []
        (lack,) = preflight(["anthropic/claude-xx"])
        assert lack.fix == "--model anthropic/claude-x"
        assert not any("POST" in path for path in server.paths)


@pytest.mark.parametrize("models", [None, ["openai/*"], []])
def test_a_server_whose_list_says_nothing_is_no_reason_to_stop(models: list[str] | None) -> None:
    with Server(always(EMPTY), models=models) as server:
        assert preflight(["openai-api/local/m"], base_url=server.v1) == []


def test_a_server_that_does_not_answer_is_named_by_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        asked = preflight(["openai-api/local/m", "ollama/m"], "openai-api/local/j", url, judge_base_url=url)
    assert {lack.what for lack in asked} == {f"no server answers at {url}"}
    assert {where for lack in asked for where in lack.where.split(", ")} == {
        "--model openai-api/local/m",
        "--model ollama/m",
        "--judge openai-api/local/j",
    }


def test_an_address_that_is_none_is_said_to_be_none() -> None:
    (lack,) = preflight(["openai-api/local/m"], base_url="localhost:8000")
    assert lack.what == "no server answers at localhost:8000"
    assert "http://localhost:8000/v1" in lack.fix


def test_without_leave_to_ask_no_request_is_sent() -> None:
    with Server(always(EMPTY), models=["other"]) as server:
        assert preflight(["openai-api/local/m"], base_url=server.v1, ask=False) == []
    assert server.paths == []


def test_it_can_be_called_where_an_event_loop_runs_already() -> None:
    import asyncio

    async def inside() -> list[Missing]:
        return preflight(["openai-api/local/m"], base_url=server.v1)

    with Server(always(EMPTY), models=["m"]) as server:
        assert asyncio.run(inside()) == []
