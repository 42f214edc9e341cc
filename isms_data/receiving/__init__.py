"""What becomes of a request to the receiver: `door` answers it, `bodies` reads it, `desk` writes its report down."""
