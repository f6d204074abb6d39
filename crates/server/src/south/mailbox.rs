//! A session's mailbox: orders from the dispatcher to the task that owns the connection.

use crate::limits::MAILBOX_ORDERS_MAX;
use delivery::Downlink;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What a session is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Hand this attempt to the device.
    Deliver(Downlink),
    /// The content of what the device published is on disk: keep the promise (R6.4).
    Acknowledge(mqtt::Promise),
    /// End the connection.
    Close(CloseReason),
}

/// Why the platform ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A newer session of the device took over (R6.5).
    TakenOver,
    /// The device was deleted.
    DeviceDeleted,
    /// Its credentials were replaced.
    CredentialsChanged,
    /// It does not take what is sent to it.
    TooSlow,
    /// The platform stops.
    ShuttingDown,
}

/// Orders that wait for a session. An idle one holds no memory beyond itself.
#[derive(Debug, Default)]
pub struct Mailbox {
    orders: Mutex<Orders>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Orders {
    waiting: VecDeque<Order>,
    closed: bool,
}

impl Mailbox {
    /// Leaves an order. Gives it back if the session is gone, or does not keep up: then it is told to close.
    ///
    /// # Errors
    /// The order, which nobody will see.
    pub fn leave(&self, order: Order) -> Result<(), Order> {
        let mut orders = self.lock();
        if orders.closed {
            return Err(order);
        }
        if orders.waiting.len() >= MAILBOX_ORDERS_MAX {
            orders.waiting.push_back(Order::Close(CloseReason::TooSlow));
            orders.closed = true;
            drop(orders);
            self.arrived.notify_one();
            return Err(order);
        }
        orders.waiting.push_back(order);
        drop(orders);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes every order that waits.
    pub fn take(&self) -> VecDeque<Order> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Returns when an order may have arrived since the last call of [`take`](Self::take).
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Takes no more orders; returns those that nobody carried out.
    pub fn close(&self) -> VecDeque<Order> {
        let mut orders = self.lock();
        orders.closed = true;
        std::mem::take(&mut orders.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
