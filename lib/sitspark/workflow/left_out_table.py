"""The products that are left out, as a table on the terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from sitspark.errors import counted
from sitspark.scenes.left_out import LeftOut

LISTED = 40  # products that are named on the terminal


def left_out_table(products: Sequence[LeftOut], total: int) -> Table:
    """The first of so many products that are left out, with their reasons."""
    title = f"{counted(total, 'product')} left out"
    table = Table(box=None, header_style="bold", title=title, title_justify="left")
    table.add_column("reason", no_wrap=True)
    table.add_column("product and what is wrong", overflow="fold")
    for product in products:
        table.add_row(product.reason, escape(product.sentence))
    return table
