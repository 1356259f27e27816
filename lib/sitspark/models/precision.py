"""Which numbers the device computes in at full speed."""

import torch


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the processor has instructions for products of bfloat16; without them bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
