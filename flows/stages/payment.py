"""资金拨付: payments are ordered by county and bearer of cost, and wait until the treasuries have paid."""

from flows.stages.stage import Summary, stage_flow
from models import PaymentStatus
from tasks import documents, money


@stage_flow("资金拨付")
def payment(cycle_id: int, year: int) -> Summary:
    """Order the payments, write the list for the treasuries and tell them."""
    money.order(cycle_id)
    files = documents.write(cycle_id, "payment_list")
    money.tell_treasuries(cycle_id)
    states = money.paid(cycle_id)
    return {
        "payments": sum(count for count, _ in states.values()),
        "paid_fen": states.get(PaymentStatus.PAID, (0, 0))[1],
        "documents": files,
    }
