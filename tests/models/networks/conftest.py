import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread(torch_as_before: None) -> None:
    """Small networks lose by more."""
    torch.set_num_threads(1)
